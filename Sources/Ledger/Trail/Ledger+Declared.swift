// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Reads the declarations that were applied to some PFs, and the claims on their functions.
    ///
    /// - Parameter cards: PFs, and claimed functions without VFs; nil for all.
    public func made(of cards: Set<PCIAddress>? = nil) async throws -> Made {
        try await queries.run { db in
            var made = Made()
            made.declared = try db.declared.declarations(of: cards)
            made.claims = try db.assignments.claimNumbers(on: cards).compactMap(db.claims.claim)
            if !made.declared.isEmpty || !made.claims.isEmpty { made.holdings = try Holdings(recordedIn: db) }
            return made
        }
    }

    /// By PF: the declaration that was last applied.
    public func declared() async throws -> [PCIAddress: PFDeclaration] { try await made().declared }

    /// Records the declarations that were applied, and forgets PFs that are no longer declared.
    ///
    /// - Parameters:
    ///   - cards: what the PFs are.
    ///   - kept: the PFs that are still declared; nil forgets none.
    ///   - audit: the entry of the apply; it is recorded as an event too.
    public func recordDeclared(
        _ made: [PCIAddress: PFDeclaration], cards: [PCIAddress: CardIdentity] = [:],
        forgettingAllBut kept: Set<PCIAddress>?,
        applied audit: AuditEntry.Draft? = nil
    ) async throws {
        let at = timestamp()
        try await commits.run { db in
            if let audit {
                try db.audit.write(audit, at: at)
                try db.events.record(.applied, subject: audit.subject, detail: audit.detail, at: at)
            }
            if let kept { try db.declared.removeAll(but: kept) }
            for (address, declaration) in made { try db.declared.write(declaration, of: address, card: cards[address]) }
        }
    }
}

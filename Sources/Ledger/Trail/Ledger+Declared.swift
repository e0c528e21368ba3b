// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// The declarations that were applied to some PFs, and the claims on their functions.
public struct Made: Sendable {
    /// By PF: the declaration that was last applied. Drift is measured against it.
    public var declared: [PCIAddress: PFDeclaration] = [:]
    /// Live claims.
    public var claims: [Claim] = []
    /// Empty when there are neither declarations nor claims.
    public var holdings = Holdings()
}

extension Ledger {
    /// Reads the declarations that were applied to some PFs, and the claims on their functions.
    ///
    /// - Parameter cards: PFs, and claimed functions without VFs; nil for all.
    public func made(of cards: Set<PCIAddress>? = nil) async throws -> Made {
        try await read { db in
            // An address has no characters that need quoting in SQL.
            let list = cards.map { $0.map { "'\($0)'" }.joined(separator: ",") }
            var made = Made()
            let filter = list.map { " WHERE physicalFunction IN (\($0))" } ?? ""
            made.declared = try Self.declared(db, filter)
            let place = list.map { "coalesce(physicalFunction, address) IN (\($0))" } ?? "1"
            for number in try Int.fetchAll(
                db, sql: "SELECT DISTINCT claim FROM assignment WHERE \(place) ORDER BY claim")
            {
                if let claim = try Self.claim(number, db) { made.claims.append(claim) }
            }
            if !made.declared.isEmpty || !made.claims.isEmpty { made.holdings = try Self.holdings(db) }
            return made
        }
    }

    /// Leaves out a declaration that another version wrote and this one cannot read; the next apply writes it again.
    static func declared(_ db: Database, _ filter: String = "") throws -> [PCIAddress: PFDeclaration] {
        var declared: [PCIAddress: PFDeclaration] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT physicalFunction, declaration FROM declared" + filter) {
            declared[try PCIAddress(row["physicalFunction"])] = try? fromJSON(row["declaration"])
        }
        return declared
    }

    /// By PF: the declaration that was last applied.
    public func declared() async throws -> [PCIAddress: PFDeclaration] { try await made().declared }

    /// Records the declarations that were applied, and forgets PFs that are no longer declared.
    ///
    /// - Parameters:
    ///   - kept: the PFs that are still declared; nil forgets none.
    ///   - audit: the entry of the apply; it is recorded as an event too.
    public func recordDeclared(
        _ made: [PCIAddress: PFDeclaration], forgettingAllBut kept: Set<PCIAddress>?,
        applied audit: AuditEntry.Draft? = nil
    ) async throws {
        let at = timestamp()
        try await commits.run { db in
            if let audit {
                try Self.write(audit, at: at, db)
                try Self.record(.applied, subject: audit.subject, detail: audit.detail, at: at, db)
            }
            for name in try String.fetchAll(db, sql: "SELECT physicalFunction FROM declared")
            where try kept?.contains(PCIAddress(name)) == false {
                try db.execute(sql: "DELETE FROM declared WHERE physicalFunction = ?", arguments: [name])
            }
            for (address, declaration) in made {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO declared (physicalFunction, declaration) VALUES (?, ?)",
                    arguments: [address.description, try toJSON(declaration)])
            }
        }
    }
}

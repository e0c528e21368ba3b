// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// How cards were made, and who was given what of them.
public struct Made: Sendable {
    /// By PF, as it was declared when it was last applied: what drift is measured against.
    public var declared: [PCIAddress: PFDeclaration] = [:]
    /// Live claims.
    public var claims: [Claim] = []
    /// Empty when nothing else is here.
    public var holdings = Holdings()
}

extension Ledger {
    /// Everything that was made of some cards.
    ///
    /// - Parameter cards: PFs, and whole cards that a claim has; nil for all.
    public func made(of cards: Set<PCIAddress>? = nil) async throws -> Made {
        try await read { db in
            // Addresses have no characters that SQL would mind.
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

    /// A declaration that an older or newer version wrote and this one cannot read is left out, until it is applied again.
    static func declared(_ db: Database, _ filter: String = "") throws -> [PCIAddress: PFDeclaration] {
        var declared: [PCIAddress: PFDeclaration] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT physicalFunction, declaration FROM declared" + filter) {
            declared[try PCIAddress(row["physicalFunction"])] = try? fromJSON(row["declaration"])
        }
        return declared
    }

    /// How each PF was last made, as it was declared then.
    public func declared() async throws -> [PCIAddress: PFDeclaration] { try await made().declared }

    /// Remembers how PFs were made, and forgets those that nothing declares any more.
    ///
    /// - Parameters:
    ///   - kept: what is still declared; nil forgets nothing.
    ///   - audit: what to write down, as an event too, of the apply that made them.
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

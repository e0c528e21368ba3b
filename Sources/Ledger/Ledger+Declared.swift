// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// How each PF was last made, as it was declared then: what drift is measured against.
    ///
    /// One that an older or newer version wrote and this one cannot read is left out, until it is applied again.
    public func declared() async throws -> [PCIAddress: PFDeclaration] {
        try await database.read { db in
            var declared: [PCIAddress: PFDeclaration] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT physicalFunction, declaration FROM declared") {
                declared[try PCIAddress(row["physicalFunction"])] = try? fromJSON(row["declaration"])
            }
            return declared
        }
    }

    /// Remembers how PFs were made, and forgets those that nothing declares any more.
    ///
    /// - Parameter kept: what is still declared; nil forgets nothing.
    public func recordDeclared(
        _ made: [PCIAddress: PFDeclaration], forgettingAllBut kept: Set<PCIAddress>?
    ) async throws {
        try await database.write { db in
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

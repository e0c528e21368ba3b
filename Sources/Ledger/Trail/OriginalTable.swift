// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var originals: OriginalTable { OriginalTable(db: self) }
}

/// The table `original`: how the PFs were found.
struct OriginalTable {
    let db: Database

    /// By PF.
    func states() throws -> [PCIAddress: PFOriginal] {
        var states: [PCIAddress: PFOriginal] = [:]
        for row in try db.rows("SELECT physicalFunction, state FROM original") {
            states[try PCIAddress(row["physicalFunction"])] = try fromJSON(row["state"])
        }
        return states
    }

    /// If the PF has a record already, that one stays.
    func add(_ original: PFOriginal, of physicalFunction: PCIAddress, card: CardIdentity?) throws {
        try db.execute(
            sql: "INSERT INTO original (physicalFunction, state, card) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [physicalFunction.description, try toJSON(original), try CardRows.text(of: card)])
    }

    func remove(of physicalFunction: PCIAddress) throws {
        try db.execute(
            sql: "DELETE FROM original WHERE physicalFunction = ?", arguments: [physicalFunction.description])
    }
}

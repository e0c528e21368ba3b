// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var declared: DeclaredTable { DeclaredTable(db: self) }
}

/// The table `declared`: the declaration that was last applied to each PF.
struct DeclaredTable {
    let db: Database

    /// By PF. Leaves out a declaration that another version wrote and this one cannot read; the next apply writes it
    /// again.
    ///
    /// - Parameter cards: the PFs; nil for all.
    func declarations(of cards: Set<PCIAddress>? = nil) throws -> [PCIAddress: PFDeclaration] {
        let filter = cards.map { " WHERE physicalFunction IN (\($0.sqlList))" } ?? ""
        var declared: [PCIAddress: PFDeclaration] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT physicalFunction, declaration FROM declared" + filter) {
            declared[try PCIAddress(row["physicalFunction"])] = try? fromJSON(row["declaration"])
        }
        return declared
    }

    func removeAll(but kept: Set<PCIAddress>) throws {
        for name in try String.fetchAll(db, sql: "SELECT physicalFunction FROM declared")
        where try !kept.contains(PCIAddress(name)) {
            try db.execute(sql: "DELETE FROM declared WHERE physicalFunction = ?", arguments: [name])
        }
    }

    /// A declaration replaces an earlier one of the same PF.
    func write(_ declaration: PFDeclaration, of physicalFunction: PCIAddress, card: CardIdentity?) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO declared (physicalFunction, declaration, card) VALUES (?, ?, ?)",
            arguments: [physicalFunction.description, try toJSON(declaration), try CardRows.text(of: card)])
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Database {
    var groupOwners: GroupOwnerTable { GroupOwnerTable(db: self) }
}

/// The table `groupOwner`: the one owner of each IOMMU group in a boot. Every assignment must match it by a foreign key.
struct GroupOwnerTable {
    let db: Database

    /// Writes that a group has an owner. If it has another one, the foreign key of the assignment fails.
    func add(_ owner: String, ofGroup group: Int, bootID: String) throws {
        try db.run(
            "INSERT INTO groupOwner (bootID, iommuGroup, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [bootID, group, owner])
    }

    func owner(ofGroup group: Int, bootID: String) throws -> String? {
        try String.fetchOne(
            db, sql: "SELECT owner FROM groupOwner WHERE bootID = ? AND iommuGroup = ?", arguments: [bootID, group])
    }

    /// Removes the groups of which no function is claimed.
    func removeUnused() throws {
        try db.execute(
            sql: """
                DELETE FROM groupOwner WHERE NOT EXISTS (
                    SELECT 1 FROM assignment
                    WHERE assignment.bootID = groupOwner.bootID AND assignment.iommuGroup = groupOwner.iommuGroup)
                """)
    }
}

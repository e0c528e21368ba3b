// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var intents: IntentTable { IntentTable(db: self) }
}

/// The table `intent`: the intents that are open.
struct IntentTable {
    let db: Database

    /// - Returns: the ids of the new intents, one for each change.
    func add(_ changes: [Change], context: Intent.Context, at openedAt: Int) throws -> [Int] {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO intent (bootID, purpose, claim, subject, goingFrom, goingTo, openedAt)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        return try changes.map { change in
            try insert.execute(arguments: [
                context.bootID, context.purpose.rawValue, context.claim.flatMap(Claim.number(of:)),
                change.to.subject.description, try toJSON(change.from), try toJSON(change.to), openedAt,
            ])
            return Int(db.lastInsertedRowID)
        }
    }

    func remove(_ ids: [Int]) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM intent WHERE id = ?")
        for id in ids { try delete.execute(arguments: [id]) }
    }

    /// Oldest first.
    func all() throws -> [Intent] {
        try Row.fetchAll(db, sql: "SELECT * FROM intent ORDER BY id").map { row in
            Intent(
                id: row["id"], bootID: row["bootID"],
                purpose: Recovery.Purpose(rawValue: row["purpose"]) ?? .apply,
                claim: (row["claim"] as Int?).map(Claim.id), from: try fromJSON(row["goingFrom"]),
                to: try fromJSON(row["goingTo"]))
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Database {
    var events: EventTable { EventTable(db: self) }
}

/// The table `event`: the newest events. A trigger removes older ones.
struct EventTable {
    let db: Database

    func record(_ kind: Event.Kind, subject: String, detail: String, at: Int) throws {
        try db.run(
            "INSERT INTO event (at, kind, subject, detail) VALUES (?, ?, ?, ?)",
            [at, kind.rawValue, subject.recorded, detail.recorded])
    }

    /// The newest events after the one with this id, oldest first.
    func newest(after id: Int, limit: Int) throws -> [Event] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM event WHERE id > ? ORDER BY id DESC LIMIT ?", arguments: [id, limit]
        )
        .reversed()
        .compactMap { row in
            Event.Kind(rawValue: row["kind"]).map {
                Event(id: row["id"], at: row["at"], kind: $0, subject: row["subject"], detail: row["detail"])
            }
        }
    }

    /// 0 if there are no events.
    func newestID() throws -> Int { try Int.fetchOne(db, sql: "SELECT max(id) FROM event") ?? 0 }
}

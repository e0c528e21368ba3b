// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Database {
    var audit: AuditTable { AuditTable(db: self) }
}

/// The table `audit`: the audit trail. Triggers make it append-only, except for entries that were moved to a file.
struct AuditTable {
    let db: Database

    /// - Parameter draft: nil writes nothing.
    func write(_ draft: AuditEntry.Draft?, at: Int) throws {
        guard let draft else { return }
        try db.run(
            "INSERT INTO audit (at, uid, pid, verb, subject, detail, result, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                at, draft.actor.uid, draft.actor.pid, draft.verb.recorded, draft.subject.recorded,
                draft.detail.recorded, draft.result.recorded, draft.times,
            ])
    }

    /// The newest entries before an id, oldest first.
    func newest(before id: Int = .max, limit: Int) throws -> [AuditEntry] {
        try entries("id < ? ORDER BY id DESC LIMIT ?", [id, limit]).reversed()
    }

    /// The oldest entries after an id and before another, oldest first.
    func oldest(after id: Int, before end: Int, limit: Int) throws -> [AuditEntry] {
        try entries("id > ? AND id < ? ORDER BY id LIMIT ?", [id, end, limit])
    }

    /// The id of the first of the newest entries before an id; nil if there are none.
    func first(before id: Int, limit: Int) throws -> Int? {
        try Int.fetchOne(
            db, sql: "SELECT min(id) FROM (SELECT id FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?)",
            arguments: [id, limit])
    }

    private func entries(_ condition: String, _ arguments: StatementArguments) throws -> [AuditEntry] {
        try db.rows("SELECT * FROM audit WHERE \(condition)", arguments).map { row in
            AuditEntry(
                id: row["id"], at: row["at"], actor: .init(uid: row["uid"], pid: row["pid"]),
                verb: row["verb"], subject: row["subject"], detail: row["detail"], result: row["result"],
                times: row["times"])
        }
    }

    /// The id of the last entry that should be moved to a file; nil if none should.
    ///
    /// The newest entry always stays: numbering continues after it.
    func lastToMove(_ limits: AuditArchive.Limits, now: Int) throws -> Int? {
        guard let newest = try Int.fetchOne(db, sql: "SELECT max(id) FROM audit"),
            let oldest = try Row.fetchOne(db, sql: "SELECT id, at FROM audit ORDER BY id LIMIT 1")
        else { return nil }
        var last: Int?
        // More than are wanted at each time, so that files do not get small.
        if newest - oldest["id"] >= limits.entries {
            last = newest - limits.entries * 4 / 5
        }
        if oldest["at"] < now - limits.age {
            let old = try Int.fetchOne(
                db, sql: "SELECT max(id) FROM audit WHERE at < ?", arguments: [now - limits.age / 3 * 2])
            last = max(last ?? 0, old ?? 0)
        }
        return last.map { min($0, newest - 1) }.flatMap { $0 >= oldest["id"] ? $0 : nil }
    }

    /// Deletes entries that are in a file, the oldest first.
    ///
    /// - Parameter limit: the most to delete in one commit.
    /// - Returns: whether there may be more of them.
    func remove(upTo id: Int, limit: Int) throws -> Bool {
        try db.run("UPDATE auditMoved SET upTo = max(upTo, ?)", [id])
        try db.run(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ? ORDER BY id LIMIT ?)", [id, limit])
        return db.changesCount == limit
    }
}

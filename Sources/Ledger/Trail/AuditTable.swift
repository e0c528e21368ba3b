// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Database {
    var audit: AuditTable { AuditTable(db: self) }
}

/// The table `audit`: the audit trail. A trigger makes it append-only.
struct AuditTable {
    let db: Database

    /// - Parameter draft: nil writes nothing.
    func write(_ draft: AuditEntry.Draft?, at: Int) throws {
        guard let draft else { return }
        try db.run(
            "INSERT INTO audit (at, uid, pid, verb, subject, detail, result) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                at, draft.actor.uid, draft.actor.pid, draft.verb, draft.subject, draft.detail, draft.result,
            ])
    }

    /// The newest entries, oldest first.
    func newest(limit: Int) throws -> [AuditEntry] {
        try Row.fetchAll(db, sql: "SELECT * FROM audit ORDER BY id DESC LIMIT ?", arguments: [limit])
            .reversed()
            .map { row in
                AuditEntry(
                    id: row["id"], at: row["at"], actor: .init(uid: row["uid"], pid: row["pid"]),
                    verb: row["verb"], subject: row["subject"], detail: row["detail"], result: row["result"])
            }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// One line of the audit trail: who asked for what, and what came of it.
public struct AuditEntry: Sendable, Hashable {
    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let actor: Actor
    /// `allocate`, `release`, `apply`, `hook prepare`, …
    public let verb: String
    /// A claim, a domain, a function.
    public let subject: String
    public let detail: String
    /// `done`, or the refusal or failure in a line.
    public let result: String

    /// The process at the other end of the socket, as the kernel tells it; nil values are the daemon itself.
    public struct Actor: Sendable, Hashable {
        public let uid: Int?
        public let pid: Int?

        public init(uid: Int?, pid: Int?) {
            self.uid = uid
            self.pid = pid
        }

        public static let daemon = Actor(uid: nil, pid: nil)
    }
}

extension Ledger {
    public func audit(
        _ verb: String, subject: String, detail: String, result: String, actor: AuditEntry.Actor
    ) async throws {
        let at = timestamp()
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO audit (at, uid, pid, verb, subject, detail, result) VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [at, actor.uid, actor.pid, verb, subject, detail, result])
        }
    }

    /// The newest entries, oldest of them first.
    public func auditTrail(limit: Int = 200) async throws -> [AuditEntry] {
        try await database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM audit ORDER BY id DESC LIMIT ?", arguments: [limit])
                .reversed()
                .map { row in
                    AuditEntry(
                        id: row["id"], at: row["at"], actor: .init(uid: row["uid"], pid: row["pid"]),
                        verb: row["verb"], subject: row["subject"], detail: row["detail"], result: row["result"])
                }
        }
    }
}

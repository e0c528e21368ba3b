// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// An entry of the audit trail: a request, its client and its result.
public struct AuditEntry: Sendable, Hashable {
    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let actor: Actor
    /// `allocate`, `release`, `apply`, `hook prepare`, …
    public let verb: String
    /// A claim, a domain, a function or a pool.
    public let subject: String
    public let detail: String
    /// `done`, or the text of the refusal or failure.
    public let result: String

    /// The client process, by the socket's peer credentials; both values are nil for the daemon itself.
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

extension AuditEntry {
    /// An entry that is about to be written: everything except its id and its time.
    public struct Draft: Sendable {
        public let verb: String
        public let subject: String
        public let detail: String
        public let result: String
        public let actor: Actor

        public init(_ verb: String, subject: String, detail: String, result: String = "done", actor: Actor) {
            self.verb = verb
            self.subject = subject
            self.detail = detail
            self.result = result
            self.actor = actor
        }

        /// The same entry with another result.
        public func ending(_ result: String) -> Draft {
            Draft(verb, subject: subject, detail: detail, result: result, actor: actor)
        }
    }
}

extension Ledger {
    public func audit(
        _ verb: String, subject: String, detail: String, result: String, actor: AuditEntry.Actor
    ) async throws {
        try await audit(AuditEntry.Draft(verb, subject: subject, detail: detail, result: result, actor: actor))
    }

    public func audit(_ draft: AuditEntry.Draft) async throws {
        let at = timestamp()
        try await commits.run { try Self.write(draft, at: at, $0) }
    }

    /// - Parameter draft: nil writes nothing.
    static func write(_ draft: AuditEntry.Draft?, at: Int, _ db: Database) throws {
        guard let draft else { return }
        try db.run(
            "INSERT INTO audit (at, uid, pid, verb, subject, detail, result) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                at, draft.actor.uid, draft.actor.pid, draft.verb, draft.subject, draft.detail, draft.result,
            ])
    }

    /// The newest entries, oldest first.
    public func auditTrail(limit: Int = 200) async throws -> [AuditEntry] {
        try await read { db in
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

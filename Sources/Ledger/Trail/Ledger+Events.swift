// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// Something that happened on the host, for monitoring. The audit trail says who asked for it, an event says what happened.
public struct Event: Sendable, Hashable, Identifiable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The declared state was applied.
        case applied
        /// A request was refused; or a drift is not repaired, for the reason in the detail.
        case refused
        /// A request failed after it had begun, and was undone.
        case failed
        /// The host is no longer as Buslane left it.
        case drifted
        /// A drift was repaired.
        case repaired
        /// A function was put into quarantine.
        case quarantined
        /// A function left quarantine.
        case recovered
        /// A declared device is missing.
        case degraded
    }

    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let kind: Kind
    /// A function, a pool, a claim or `host`.
    public let subject: String
    public let detail: String
}

extension Ledger {
    public func record(_ kind: Event.Kind, subject: String, detail: String) async throws {
        let at = timestamp()
        try await commits.run { try Self.record(kind, subject: subject, detail: detail, at: at, $0) }
    }

    /// Records an event and an entry of the audit trail in one commit.
    public func record(
        _ kind: Event.Kind, subject: String, detail: String, audit entry: AuditEntry.Draft
    ) async throws {
        let at = timestamp()
        try await commits.run { db in
            try Self.write(entry, at: at, db)
            try Self.record(kind, subject: subject, detail: detail, at: at, db)
        }
    }

    static func record(_ kind: Event.Kind, subject: String, detail: String, at: Int, _ db: Database) throws {
        try db.run(
            "INSERT INTO event (at, kind, subject, detail) VALUES (?, ?, ?, ?)", [at, kind.rawValue, subject, detail])
    }

    /// The newest events after the one with this id, oldest first.
    public func events(after id: Int = 0, limit: Int = 200) async throws -> [Event] {
        try await read { db in
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
    }

    /// Yields the events after the one with this id, those that exist and those still to come, until the stream is
    /// dropped.
    public func newEvents(after id: Int) -> AsyncThrowingStream<[Event], any Error> {
        let newest = ValueObservation.tracking { try Int.fetchOne($0, sql: "SELECT max(id) FROM event") ?? 0 }
        return AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    var last = id
                    for try await top in newest.values(in: database) where top > last {
                        continuation.yield(try await events(after: last, limit: 10000))
                        last = top
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

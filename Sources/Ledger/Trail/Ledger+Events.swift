// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Ledger {
    public func record(_ kind: Event.Kind, subject: String, detail: String) async throws {
        let at = timestamp()
        try await commits.run { try $0.events.record(kind, subject: subject, detail: detail, at: at) }
    }

    /// Records an event and an entry of the audit trail in one commit.
    public func record(
        _ kind: Event.Kind, subject: String, detail: String, audit entry: AuditEntry.Draft
    ) async throws {
        let at = timestamp()
        try await commits.run { db in
            try db.audit.write(entry, at: at)
            try db.events.record(kind, subject: subject, detail: detail, at: at)
        }
    }

    /// The newest events after the one with this id, oldest first.
    public func events(after id: Int = 0, limit: Int = 200) async throws -> [Event] {
        try await queries.run { try $0.events.newest(after: id, limit: limit) }
    }

    /// Yields the events after the one with this id, those that exist and those still to come, until the stream is
    /// dropped.
    public func newEvents(after id: Int) -> AsyncThrowingStream<[Event], any Error> {
        let newest = ValueObservation.tracking { try $0.events.newestID() }
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

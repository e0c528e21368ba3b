// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// Something that happened, for those who watch over the host. The audit trail tells who asked; this tells what came.
public struct Event: Sendable, Hashable, Identifiable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The host was made as declared.
        case applied
        /// A request was answered with no; or a drift is left as it is, for the reason told.
        case refused
        /// A request was begun, failed, and was undone.
        case failed
        /// The host is not any more as it was made.
        case drifted
        /// A drift was put right.
        case repaired
        /// A function was set aside.
        case quarantined
        /// A function left quarantine.
        case recovered
        /// Something that is declared is not there.
        case degraded
    }

    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let kind: Kind
    /// A function, a pool, a claim, `host`.
    public let subject: String
    public let detail: String
}

extension Ledger {
    public func record(_ kind: Event.Kind, subject: String, detail: String) async throws {
        let at = timestamp()
        try await commits.run { try Self.record(kind, subject: subject, detail: detail, at: at, $0) }
    }

    /// The same with an entry in the audit trail, in one commit.
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

    /// The newest events after one, oldest first.
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

    /// The events after one as they are recorded, for as long as somebody takes them.
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

extension Ledger {
    /// By function: why it is set aside.
    public func quarantine() async throws -> [PCIAddress: String] { try await read(Self.quarantine) }

    static func quarantine(_ db: Database) throws -> [PCIAddress: String] {
        var reasons: [PCIAddress: String] = [:]
        for row in try db.rows("SELECT address, reason FROM quarantine") {
            reasons[try PCIAddress(row["address"])] = row["reason"]
        }
        return reasons
    }

    /// Sets a function aside; the first reason stays.
    public func quarantine(_ address: PCIAddress, reason: String) async throws {
        let since = timestamp()
        try await commits.run { db in
            try db.execute(
                sql: "INSERT INTO quarantine (address, reason, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [address.description, reason, since])
            if db.changesCount > 0 {
                try Self.record(.quarantined, subject: address.description, detail: reason, at: since, db)
            }
        }
    }

    /// Hands a function out again.
    public func liftQuarantine(of address: PCIAddress, detail: String) async throws {
        let at = timestamp()
        try await commits.run { db in
            try db.execute(sql: "DELETE FROM quarantine WHERE address = ?", arguments: [address.description])
            if db.changesCount > 0 {
                try Self.record(.recovered, subject: address.description, detail: detail, at: at, db)
            }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import GRDB
import Glibc
import Synchronization

/// Commits writes to disk. Writes that arrive during a commit are committed together by the next one: a commit costs one
/// flush of the disk, whatever its size.
///
/// Each write is applied completely or not at all. When its call returns it has the durability that was asked for. Writes
/// are applied in the order in which they were requested, but those of tasks of high priority, as root's requests are, go
/// before all others: such a write waits for one other write at most.
final class Commits: Sendable {
    private let database: any DatabaseWriter
    private let queue = Mutex(Queue())
    private let undone: @Sendable () -> Void
    /// SQLite's write-ahead log; nil for a database in memory.
    private let log: String?
    /// Runs the batches, one after the other, without a switch to another thread in between.
    private let disk = DispatchQueue(label: "buslane.ledger")

    private struct Queue {
        var waiting: [Write] = []
        var isDraining = false
    }

    /// The failures that a write survives once its call has returned.
    enum Durability: Sendable {
        /// A power loss.
        case power
        /// Any end of the daemon, but a power loss only after the next write with ``power``. This suffices for work in
        /// progress: a reboot undoes what Buslane did to the host, and no client has had an answer yet.
        ///
        /// Source: https://www.sqlite.org/pragma.html#pragma_synchronous, NORMAL in WAL mode.
        case process
        /// Any end of the daemon at once, and a power loss a moment after the call has returned. For facts that concern
        /// only this boot but have an entry in the audit trail, which must stay.
        case processFirst
    }

    /// A write in the queue. `work` applies it and keeps its result; `finish` resumes the caller after the commit.
    private struct Write: Sendable {
        let durability: Durability
        /// Of a task of high priority.
        let isUrgent: Bool
        let work: @Sendable (Database) throws -> Void
        let finish: @Sendable ((any Error)?) -> Void
    }

    /// - Parameters:
    ///   - path: the database's file; nil for one in memory.
    ///   - undone: called when a change that a write made was rolled back.
    init(_ database: any DatabaseWriter, path: String?, undone: @escaping @Sendable () -> Void) {
        self.database = database
        self.undone = undone
        log = path.map { $0 + "-wal" }
    }

    /// - Throws: the write's own error, after which its changes are rolled back; or the error of the commit.
    func run<Value: Sendable>(
        outliving durability: Durability = .power, _ write: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = Mutex<Result<Value, any Error>?>(nil)
            let entry = Write(
                durability: durability, isUrgent: Task.currentPriority >= .high,
                work: { db in
                    do {
                        let value = try write(db)
                        outcome.withLock { $0 = .success(value) }
                    } catch {
                        outcome.withLock { $0 = .failure(error) }
                        throw error
                    }
                },
                finish: { failure in
                    let result = outcome.withLock(\.self)
                    if case .failure(let error)? = result {
                        continuation.resume(throwing: error)
                    } else if let failure {
                        continuation.resume(throwing: failure)
                    } else if case .success(let value)? = result {
                        continuation.resume(returning: value)
                    } else {
                        continuation.resume(throwing: DatabaseError(resultCode: .SQLITE_ABORT))
                    }
                })
            let mustDrain = queue.withLock { queue in
                queue.waiting.append(entry)
                defer { queue.isDraining = true }
                return !queue.isDraining
            }
            if mustDrain { disk.async { self.drain() } }
        }
    }

    /// How many writes wait for the one that runs.
    var countOfWaiting: Int { queue.withLock(\.waiting.count) }

    private func drain() {
        while let batch = next() {
            var failure: (any Error)?
            var count = batch.count
            do {
                try database.writeWithoutTransaction { db in
                    try noticing(db) {
                        try Self.commit(waitingForDisk: batch.contains { $0.durability == .power }, db) {
                            count = try apply(batch, db)
                        }
                    }
                }
            } catch {
                failure = error
            }
            let (done, later) = (batch[..<count], batch[count...])
            queue.withLock { $0.waiting.insert(contentsOf: later, at: 0) }
            for entry in done { entry.finish(failure) }
            if done.contains(where: { $0.durability == .processFirst }) { flush() }
        }
    }

    /// Flushes the write-ahead log to disk.
    ///
    /// A second descriptor is safe here: closing it would release POSIX locks on the log, but SQLite's locks are on the
    /// `-shm` file. Source: https://www.sqlite.org/walformat.html.
    private func flush() {
        guard let log else { return }
        // SAFETY: the string lives until the call returns.
        let file = unsafe open(log, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        fdatasync(file)
        close(file)
    }

    /// A write that throws is rolled back by itself; the others of the batch stay.
    ///
    /// - Returns: how many were applied. The others have to wait, because a write came that goes before them.
    private func apply(_ batch: [Write], _ db: Database) throws -> Int {
        // A single write is rolled back with its transaction.
        if batch.count == 1 {
            try batch[0].work(db)
            return 1
        }
        for (index, entry) in batch.enumerated() {
            if index > 0, !entry.isUrgent, queue.withLock({ $0.waiting.contains(where: \.isUrgent) }) { return index }
            do {
                try noticing(db) {
                    try db.inSavepoint {
                        try entry.work(db)
                        return .commit
                    }
                }
            } catch {
                // After a full disk or a broken file SQLite has rolled back the whole batch.
                if !db.isInsideTransaction { throw error }
            }
        }
        return batch.count
    }

    /// Calls ``undone`` if `work` throws after it has changed something.
    private func noticing(_ db: Database, _ work: () throws -> Void) throws {
        let before = db.totalChangesCount
        do {
            try work()
        } catch {
            if db.totalChangesCount != before { undone() }
            throw error
        }
    }

    private static func commit(waitingForDisk waits: Bool, _ db: Database, _ work: () throws -> Void) throws {
        if waits { return try db.transaction(work) }
        try db.execute(sql: "PRAGMA synchronous = NORMAL")
        let outcome = Result { try db.transaction(work) }
        try db.execute(sql: "PRAGMA synchronous = FULL")
        try outcome.get()
    }

    /// The waiting writes; nil when there are none, which ends the draining.
    private func next() -> [Write]? {
        queue.withLock { queue in
            guard !queue.waiting.isEmpty else {
                queue.isDraining = false
                return nil
            }
            let urgent = queue.waiting.filter(\.isUrgent)
            let batch = urgent.isEmpty ? queue.waiting : urgent
            queue.waiting = urgent.isEmpty ? [] : queue.waiting.filter { !$0.isUrgent }
            return batch
        }
    }
}

extension Database {
    /// Commits all of the work, or nothing. Unlike `inTransaction(_:_:)` it uses cached statements.
    fileprivate func transaction(_ work: () throws -> Void) throws {
        try run("BEGIN IMMEDIATE", [])
        do {
            try work()
            try run("COMMIT", [])
        } catch {
            // SQLite itself ends the transaction when the disk is full or the file is broken.
            if isInsideTransaction { try rollback() }
            throw error
        }
    }
}

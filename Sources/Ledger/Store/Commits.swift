// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import GRDB
import Glibc
import Synchronization

/// Takes writes to disk, those that wait while another is on its way there together: a commit costs what the disk
/// costs, however much is in it.
///
/// Each write is whole or not at all, and outlives what it is to outlive when its caller goes on. Writes happen in the
/// order in which they were asked for.
final class Commits: Sendable {
    private let database: any DatabaseWriter
    private let queue = Mutex(Queue())
    private let undone: @Sendable () -> Void
    /// SQLite's write-ahead log; nil for a database in memory.
    private let log: String?
    /// Where the writes happen, one batch after the other, without a turn of any other thread in between.
    private let disk = DispatchQueue(label: "buslane.ledger")

    private struct Queue {
        var waiting: [Write] = []
        var isDraining = false
    }

    /// What a write is to outlive.
    enum Durability: Sendable {
        /// The power.
        case power
        /// The daemon, in whichever way it ends. Enough for what is on the way: what the host has from Buslane ends with
        /// the boot, and nobody was told of anything yet. It outlives the power with the next write that does.
        ///
        /// Source: https://www.sqlite.org/pragma.html#pragma_synchronous, NORMAL in WAL mode.
        case process
        /// The daemon, and a moment after its caller went on the power as well: what is about this boot alone, and whose
        /// entry in the audit trail shall stay.
        case processFirst
    }

    /// One write that waits: `work` keeps what came of it, and throws what it threw; `tell` hands that to whoever asked, once
    /// it is on disk.
    private struct Write: Sendable {
        let durability: Durability
        let work: @Sendable (Database) throws -> Void
        let tell: @Sendable ((any Error)?) -> Void
    }

    /// - Parameters:
    ///   - path: the database's file; nil for one in memory.
    ///   - undone: told when something that was written is not so.
    init(_ database: any DatabaseWriter, path: String?, undone: @escaping @Sendable () -> Void) {
        self.database = database
        self.undone = undone
        log = path.map { $0 + "-wal" }
    }

    /// - Throws: what the write throws, which is then undone; or why nothing could be committed.
    func run<Value: Sendable>(
        outliving durability: Durability = .power, _ write: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = Mutex<Result<Value, any Error>?>(nil)
            let entry = Write(
                durability: durability,
                work: { db in
                    do {
                        let value = try write(db)
                        outcome.withLock { $0 = .success(value) }
                    } catch {
                        outcome.withLock { $0 = .failure(error) }
                        throw error
                    }
                },
                tell: { failure in
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

    private func drain() {
        while let batch = next() {
            var failure: (any Error)?
            do {
                try database.writeWithoutTransaction { db in
                    try noticing(db) {
                        try Self.commit(waitingForDisk: batch.contains { $0.durability == .power }, db) {
                            try carryOut(batch, db)
                        }
                    }
                }
            } catch {
                failure = error
            }
            for entry in batch { entry.tell(failure) }
            if batch.contains(where: { $0.durability == .processFirst }) { flush() }
        }
    }

    /// What was committed so far outlives the power. No lock of SQLite's is on the log, which a second descriptor could
    /// take away.
    private func flush() {
        guard let log else { return }
        // SAFETY: the string lives until the call returns.
        let file = unsafe open(log, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        fdatasync(file)
        close(file)
    }

    /// Those that throw are undone, each by itself.
    private func carryOut(_ batch: [Write], _ db: Database) throws {
        // What is alone is undone with its transaction.
        if batch.count == 1 { return try batch[0].work(db) }
        for entry in batch {
            do {
                try noticing(db) {
                    try db.inSavepoint {
                        try entry.work(db)
                        return .commit
                    }
                }
            } catch {
                // A full disk or a broken file has taken the others' writes as well.
                if !db.isInsideTransaction { throw error }
            }
        }
    }

    /// Tells of work that is undone after it had changed something.
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

    /// nil, and nobody drains any more, when none waits.
    private func next() -> [Write]? {
        queue.withLock { queue in
            guard !queue.waiting.isEmpty else {
                queue.isDraining = false
                return nil
            }
            defer { queue.waiting = [] }
            return queue.waiting
        }
    }
}

extension Database {
    /// All of the work is committed, or none. As `inTransaction(_:_:)`, which makes its statements out of their text each
    /// time.
    fileprivate func transaction(_ work: () throws -> Void) throws {
        try run("BEGIN IMMEDIATE", [])
        do {
            try work()
            try run("COMMIT", [])
        } catch {
            // A full disk or a broken file ends it without being asked.
            if isInsideTransaction { try rollback() }
            throw error
        }
    }
}

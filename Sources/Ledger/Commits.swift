// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import GRDB
import Synchronization

/// Takes writes to disk, those that wait while another is on its way there together: a commit costs what the disk
/// costs, however much is in it.
///
/// Each write is whole or not at all, and is durable when its caller goes on. Writes happen in the order in which they
/// were asked for.
final class Commits: Sendable {
    private let database: any DatabaseWriter
    private let queue = Mutex(Queue())
    /// Where the writes happen, one batch after the other, without a turn of any other thread in between.
    private let disk = DispatchQueue(label: "buslane.ledger")

    private struct Queue {
        var waiting: [Write] = []
        var isDraining = false
    }

    /// One write that waits: `work` keeps what came of it, `tell` hands that to whoever asked, once it is on disk.
    private struct Write: Sendable {
        let work: @Sendable (Database) throws -> Void
        let tell: @Sendable ((any Error)?) -> Void
    }

    init(_ database: any DatabaseWriter) { self.database = database }

    /// - Throws: what the write throws, which is then undone; or why nothing could be committed.
    func run<Value: Sendable>(_ write: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = Mutex<Result<Value, any Error>?>(nil)
            let entry = Write(
                work: { db in
                    var value: Value?
                    do {
                        try db.inSavepoint {
                            value = try write(db)
                            return .commit
                        }
                    } catch {
                        outcome.withLock { $0 = .failure(error) }
                        // A full disk or a broken file has taken the others' writes as well.
                        if !db.isInsideTransaction { throw error }
                        return
                    }
                    if let value { outcome.withLock { [value] in $0 = .success(value) } }
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
                try database.write { db in
                    for entry in batch { try entry.work(db) }
                }
            } catch {
                failure = error
            }
            for entry in batch { entry.tell(failure) }
        }
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

// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch

/// Runs an actor on a dispatch queue, whose threads may block: those of Swift's pool must not.
///
/// Source: SE-0392. `DispatchSerialQueue`, which is one by itself, is absent on Linux.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        queue.async {
            // SAFETY: each job is run once, here; the block keeps the executor alive.
            unsafe unowned.runSynchronously(on: self.asUnownedSerialExecutor())
        }
    }
}

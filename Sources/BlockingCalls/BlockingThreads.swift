// SPDX-License-Identifier: GPL-3.0-or-later
package import Dispatch
import Synchronization

/// Threads for work that may block in the kernel or in a library. Swift's own pool has one thread for each core: as many
/// calls that hang would stop all other work in it.
///
/// It runs single calls, and as a task executor whole tasks. Each piece of work has a thread for as long as it blocks.
package final class BlockingThreads: TaskExecutor {
    package typealias Work = @Sendable () -> Void

    private struct State {
        /// Each queue is a thread.
        var idle: [DispatchQueue] = []
        var count = 0
        /// In the reverse order of arrival, behind those in `next`.
        var waiting: [Work] = []
        /// In the reverse order of their turns.
        var next: [Work] = []

        mutating func takeWaiting() -> Work? {
            if next.isEmpty { (next, waiting) = (waiting.reversed(), []) }
            return next.popLast()
        }
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: the most threads. More work waits. Dispatch has 255 for all such queues of a process: the limits of
    ///   a program's threads must add up to less.
    ///
    /// Source: `DISPATCH_WORKQ_MAX_PTHREAD_COUNT`, swift-corelibs-libdispatch, src/internal.h.
    package init(limit: Int) { self.limit = limit }

    package func start(_ work: @escaping Work) {
        let thread = state.withLock { state -> DispatchQueue? in
            if let idle = state.idle.popLast() { return idle }
            guard state.count < limit else {
                state.waiting.append(work)
                return nil
            }
            state.count += 1
            return DispatchQueue(label: "buslane.blocking.\(state.count)")
        }
        thread?.async { self.run(work, on: thread) }
    }

    private func run(_ first: @escaping Work, on thread: DispatchQueue?) {
        var work: Work? = first
        while let now = work {
            now()
            work = state.withLock { state in
                let next = state.takeWaiting()
                if next == nil, let thread { state.idle.append(thread) }
                return next
            }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // SAFETY: the runtime gives each job once, and it is run once.
        start { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Makes a call in one of the threads and waits for it, but not for long. For callers that may block themselves.
    ///
    /// - Returns: nil when the time is up. The call then goes on, and its result is dropped.
    package func result<Value: Sendable>(
        within limit: Duration, of call: @escaping @Sendable () -> Value
    ) -> Value? {
        let (answer, isThere) = (Answer<Value>(), DispatchSemaphore(value: 0))
        start {
            answer.give(call())
            isThere.signal()
        }
        _ = isThere.wait(timeout: DispatchTime(after: limit))
        return answer.value
    }

    private final class Answer<Value: Sendable>: Sendable {
        private let state = Mutex<Value?>(nil)

        var value: Value? { state.withLock(\.self) }
        func give(_ value: Value) { state.withLock { $0 = value } }
    }
}

extension DispatchTime {
    /// The time that is this long from now.
    package init(after duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}

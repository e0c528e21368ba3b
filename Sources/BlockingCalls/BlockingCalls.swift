// SPDX-License-Identifier: GPL-3.0-or-later
package import Dispatch

/// Runs calls that may block for long and cannot be cancelled, such as a sysfs write or a call of libvirt, and stops
/// waiting for them after a time limit. The call itself then goes on in its thread.
package final class BlockingCalls: Sendable {
    private let deadlines = Deadlines()

    package init() {}

    /// - Parameters:
    ///   - queue: where the call runs. Its thread may block.
    ///   - limit: how long the caller waits, for the queue and the call together.
    ///   - late: what is thrown when the time is up. A call that has not begun by then is not made.
    ///   - whenOver: is called in the queue when the call is over or was not made.
    /// - Throws: what the call throws, or `late`.
    package func run<Value: Sendable, Failure: Error>(
        on queue: DispatchQueue, within limit: Duration, late: Failure, whenOver: @escaping @Sendable () -> Void = {},
        _ call: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await run(in: { queue.async(execute: $0) }, within: limit, late: late, whenOver: whenOver, call)
    }

    /// The same in one of these threads.
    package func run<Value: Sendable, Failure: Error>(
        on threads: BlockingThreads, within limit: Duration, late: Failure,
        _ call: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await run(in: threads.start, within: limit, late: late, whenOver: {}, call)
    }

    private func run<Value: Sendable, Failure: Error>(
        in start: (@escaping @Sendable () -> Void) -> Void, within limit: Duration, late: Failure,
        whenOver: @escaping @Sendable () -> Void, _ call: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let first = FirstResult(continuation)
            let deadline = deadlines.add(after: limit) { first.give(.failure(late)) }
            start {
                if !first.isGiven {
                    let result = Result { () throws(Failure) in try call() }
                    self.deadlines.remove(deadline)
                    first.give(result)
                }
                whenOver()
            }
        }
        return try result.get()
    }
}

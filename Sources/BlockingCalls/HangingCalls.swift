// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization

/// Makes calls that can hang in the kernel, and waits for each of them for a limited time. Each call is about a subject.
/// While a call about it hangs, no other one is made.
package final class HangingCalls: Sendable {
    private let threads: BlockingThreads
    /// By subject: how many calls have not returned although nobody waits any more.
    private let hanging = Mutex<[String: Int]>([:])

    /// - Parameter limit: how many calls can be made at once.
    package init(limit: Int = 8) { threads = BlockingThreads(limit: limit) }

    /// - Returns: nil when the time is up, and at once while an earlier call about the subject hangs.
    package func result<Value: Sendable>(
        about subject: String, within limit: Duration, of call: @escaping @Sendable () -> Value
    ) -> Value? {
        if hanging.withLock({ $0[subject] != nil }) { return nil }
        let wait = Wait()
        let value = threads.result(within: limit) { [self] in
            let value = call()
            if wait.callReturned() { note(-1, subject) }
            return value
        }
        if value == nil {
            note(1, subject)
            // It has returned in this moment.
            if wait.giveUp() { note(-1, subject) }
        }
        return value
    }

    private func note(_ change: Int, _ subject: String) {
        hanging.withLock { hanging in
            let count = (hanging[subject] ?? 0) + change
            hanging[subject] = count > 0 ? count : nil
        }
    }

    /// Which came first: the return of the call, or the end of the waiting.
    private final class Wait: Sendable {
        private let state = Mutex((hasReturned: false, isGivenUp: false))

        /// - Returns: whether nobody waits any more.
        func callReturned() -> Bool {
            state.withLock { state in
                state.hasReturned = true
                return state.isGivenUp
            }
        }

        /// - Returns: whether the call has returned.
        func giveUp() -> Bool {
            state.withLock { state in
                state.isGivenUp = true
                return state.hasReturned
            }
        }
    }
}

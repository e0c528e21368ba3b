// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization

/// Deadlines of many short calls, with one timer for all of them. A timer for each would take longer than most calls.
final class Deadlines: Sendable {
    private struct Deadline {
        let at: ContinuousClock.Instant
        let passed: @Sendable () -> Void
    }

    private struct State {
        var next = 0
        var deadlines: [Int: Deadline] = [:]
        /// When the timer wakes up next; nil without a timer. It may find no deadline then.
        var alarm: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// - Parameter passed: is called when the time is up before ``remove(_:)``.
    /// - Returns: the key for ``remove(_:)``.
    func add(after duration: Duration, _ passed: @escaping @Sendable () -> Void) -> Int {
        let deadline = ContinuousClock.now + duration
        let (key, needsTimer) = state.withLock { state in
            state.next += 1
            state.deadlines[state.next] = Deadline(at: deadline, passed: passed)
            if let alarm = state.alarm, alarm <= deadline { return (state.next, false) }
            state.alarm = deadline
            return (state.next, true)
        }
        if needsTimer { Task { await wake(at: deadline) } }
        return key
    }

    func remove(_ key: Int) { state.withLock { _ = $0.deadlines.removeValue(forKey: key) } }

    private func wake(at alarm: ContinuousClock.Instant) async {
        var alarm = alarm
        while true {
            try? await Task.sleep(until: alarm, clock: .continuous)
            let (late, next) = state.withLock { state -> ([Deadline], ContinuousClock.Instant?) in
                // Another timer was started for an earlier deadline, and replaced this one.
                guard state.alarm == alarm else { return ([], nil) }
                let now = ContinuousClock.now
                let late = state.deadlines.filter { $0.value.at <= now }
                for key in late.keys { state.deadlines[key] = nil }
                state.alarm = state.deadlines.values.map(\.at).min()
                return (late.values.map(\.self), state.alarm)
            }
            for deadline in late { deadline.passed() }
            guard let next else { return }
            alarm = next
        }
    }
}

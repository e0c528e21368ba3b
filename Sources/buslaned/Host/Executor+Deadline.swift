// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import HostModel
import Synchronization

extension Executor {
    /// A write that did not return in time. It may still return.
    struct Blocked: Error, CustomStringConvertible {
        let patience: Duration

        var description: String { "the write has not returned after \(patience)" }
    }

    /// Performs one action on a thread of its own: a sysfs write can block for long and cannot be cancelled.
    ///
    /// - Throws: the host's error, or ``Blocked`` when the write does not return in time. The thread then keeps waiting
    ///   for the kernel, and its result is ignored.
    func perform(_ action: HostAction, within patience: Duration) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            let answer = FirstAnswer(done)
            let watched = deadlines.watch(for: patience) { answer.give(.failure(Blocked(patience: patience))) }
            DispatchQueue.global().async {
                let result = Result { try host.perform(action) }
                deadlines.forget(watched)
                answer.give(result)
            }
        }
    }
}

/// A result that is delivered once: the first call of ``give(_:)`` counts.
private final class FirstAnswer: Sendable {
    private let waiting: Mutex<CheckedContinuation<Void, any Error>?>

    init(_ waiting: CheckedContinuation<Void, any Error>) { self.waiting = Mutex(waiting) }

    func give(_ result: Result<Void, any Error>) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(with: result)
    }
}

/// Deadlines of many short operations, with one timer for all of them. A timer for each would cost more than most of
/// the operations.
final class Deadlines: Sendable {
    private struct Watched {
        let deadline: ContinuousClock.Instant
        let onExpiry: @Sendable () -> Void
    }

    private struct State {
        var next = 0
        var watched: [Int: Watched] = [:]
        /// When the current timer fires; nil when there is none. All operations may have ended by then.
        var alarm: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// - Parameter onExpiry: called when the time is over before a call of ``forget(_:)``.
    /// - Returns: the id for ``forget(_:)``.
    func watch(for patience: Duration, _ onExpiry: @escaping @Sendable () -> Void) -> Int {
        let deadline = ContinuousClock.now + patience
        let (id, mustWake) = state.withLock { state in
            state.next += 1
            state.watched[state.next] = Watched(deadline: deadline, onExpiry: onExpiry)
            if let alarm = state.alarm, alarm <= deadline { return (state.next, false) }
            state.alarm = deadline
            return (state.next, true)
        }
        if mustWake { Task { await wake(at: deadline) } }
        return id
    }

    func forget(_ id: Int) { state.withLock { _ = $0.watched.removeValue(forKey: id) } }

    private func wake(at alarm: ContinuousClock.Instant) async {
        var alarm = alarm
        while true {
            try? await Task.sleep(until: alarm, clock: .continuous)
            let (late, next) = state.withLock { state -> ([Watched], ContinuousClock.Instant?) in
                // A timer with an earlier deadline has replaced this one.
                guard state.alarm == alarm else { return ([], nil) }
                let now = ContinuousClock.now
                let late = state.watched.filter { $0.value.deadline <= now }
                for id in late.keys { state.watched[id] = nil }
                state.alarm = state.watched.values.map(\.deadline).min()
                return (late.values.map(\.self), state.alarm)
            }
            for watched in late { watched.onExpiry() }
            guard let next else { return }
            alarm = next
        }
    }
}

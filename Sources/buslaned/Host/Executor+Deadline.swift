// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import HostModel
import Synchronization

extension Executor {
    /// A write that did not return in time, and may still.
    struct Blocked: Error, CustomStringConvertible {
        let patience: Duration

        var description: String { "the write has not returned after \(patience)" }
    }

    /// Carries out one action on a thread that nothing else waits for: a sysfs write can block for long, and cannot be
    /// cancelled.
    ///
    /// - Throws: what the host answers, and ``Blocked`` when it does not answer in time. The thread is then left to itself.
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

/// Of two that may answer, the first is heard.
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

/// Deadlines of many short works, with one timer for all of them: setting one for each would cost more than most of
/// the works.
final class Deadlines: Sendable {
    private struct Work {
        let deadline: ContinuousClock.Instant
        let isLate: @Sendable () -> Void
    }

    private struct State {
        var next = 0
        var works: [Int: Work] = [:]
        /// When the timer that counts wakes up; nil without one. It may find nothing to do then.
        var alarm: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// - Parameter isLate: called when the time is over before ``forget(_:)`` is.
    /// - Returns: what to forget it by.
    func watch(for patience: Duration, _ isLate: @escaping @Sendable () -> Void) -> Int {
        let deadline = ContinuousClock.now + patience
        let (id, mustWake) = state.withLock { state in
            state.next += 1
            state.works[state.next] = Work(deadline: deadline, isLate: isLate)
            if let alarm = state.alarm, alarm <= deadline { return (state.next, false) }
            state.alarm = deadline
            return (state.next, true)
        }
        if mustWake { Task { await wake(at: deadline) } }
        return id
    }

    func forget(_ id: Int) { state.withLock { _ = $0.works.removeValue(forKey: id) } }

    private func wake(at alarm: ContinuousClock.Instant) async {
        var alarm = alarm
        while true {
            try? await Task.sleep(until: alarm, clock: .continuous)
            let (late, next) = state.withLock { state -> ([Work], ContinuousClock.Instant?) in
                // An earlier one was set since, and took over.
                guard state.alarm == alarm else { return ([], nil) }
                let now = ContinuousClock.now
                let late = state.works.filter { $0.value.deadline <= now }
                for id in late.keys { state.works[id] = nil }
                state.alarm = state.works.values.map(\.deadline).min()
                return (late.values.map(\.self), state.alarm)
            }
            for work in late { work.isLate() }
            guard let next else { return }
            alarm = next
        }
    }
}

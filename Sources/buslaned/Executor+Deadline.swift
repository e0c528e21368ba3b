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
    static func perform(_ action: HostAction, on host: any Host, within patience: Duration) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            let answer = FirstAnswer(done)
            let deadline = Task {
                try await Task.sleep(for: patience)
                answer.give(.failure(Blocked(patience: patience)))
            }
            DispatchQueue.global().async {
                let result = Result { try host.perform(action) }
                deadline.cancel()
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

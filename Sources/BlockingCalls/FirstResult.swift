// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization

/// Resumes a waiting caller with the first result that it is given, and ignores later ones.
final class FirstResult<Value: Sendable>: Sendable {
    private let waiting: Mutex<CheckedContinuation<Value, Never>?>

    init(_ waiting: CheckedContinuation<Value, Never>) { self.waiting = Mutex(waiting) }

    var isGiven: Bool { waiting.withLock { $0 == nil } }

    func give(_ value: Value) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: value)
    }
}

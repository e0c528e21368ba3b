// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Passes each entry to all watchers.
final class Feed<Entry: Sendable>: Sendable {
    private struct Watchers {
        var next = 0
        var continuations: [Int: AsyncStream<Entry>.Continuation] = [:]
    }

    private let watchers = Mutex(Watchers())

    /// The number of entries kept for a slow watcher. One more ends its stream, and the watcher has to read the present
    /// state again.
    private let patience = 1024

    /// Entries from now on, until the consumer stops or falls too far behind.
    func watch() -> AsyncStream<Entry> {
        AsyncStream(bufferingPolicy: .bufferingOldest(patience)) { continuation in
            let id = watchers.withLock { watchers in
                watchers.next += 1
                watchers.continuations[watchers.next] = continuation
                return watchers.next
            }
            continuation.onTermination = { [weak self] _ in
                _ = self?.watchers.withLock { $0.continuations.removeValue(forKey: id) }
            }
        }
    }

    /// Calls `take` with each entry until the task is cancelled. nil means that entries were lost: read the present
    /// state again.
    ///
    /// - Parameter first: a stream from an earlier ``watch()``, so that no entry before this call is lost.
    func follow(_ first: AsyncStream<Entry>? = nil, _ take: (Entry?) async -> Void) async {
        var entries = first ?? watch()
        while !Task.isCancelled {
            for await entry in entries { await take(entry) }
            if Task.isCancelled { return }
            entries = watch()
            await take(nil)
        }
    }

    func publish(_ entry: Entry) {
        let all = watchers.withLock { $0.continuations.values.map(\.self) }
        for continuation in all {
            if case .dropped = continuation.yield(entry) { continuation.finish() }
        }
    }
}

/// Changes of the host's functions.
typealias ChangeFeed = Feed<HostChange>

struct HostChange: Sendable {
    let changes: [FunctionChange]
    /// The host after the changes.
    let snapshot: HostSnapshot
}

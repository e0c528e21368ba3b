// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Hands each entry to everyone who watches.
final class Feed<Entry: Sendable>: Sendable {
    private struct Watchers {
        var next = 0
        var continuations: [Int: AsyncStream<Entry>.Continuation] = [:]
    }

    private let watchers = Mutex(Watchers())

    /// How many entries wait for a watcher that does not read before its stream ends: it has to look anew.
    private let patience = 1024

    /// From here on, until the consumer stops or falls too far behind.
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

    /// Takes entries until the task is cancelled. After some were missed nil comes: then all there is is to be looked at.
    ///
    /// - Parameter first: what is watched already; what is told before this begins would else be missed.
    func follow(_ first: AsyncStream<Entry>? = nil, _ take: (Entry?) async -> Void) async {
        var entries = first ?? watch()
        while !Task.isCancelled {
            for await entry in entries { await take(entry) }
            if Task.isCancelled { return }
            entries = watch()
            await take(nil)
        }
    }

    func tell(_ entry: Entry) {
        let all = watchers.withLock { $0.continuations.values.map(\.self) }
        for continuation in all {
            if case .dropped = continuation.yield(entry) { continuation.finish() }
        }
    }
}

/// What changed on the host, for everyone who watches it.
typealias ChangeFeed = Feed<HostChange>

struct HostChange: Sendable {
    let changes: [FunctionChange]
    /// The host after them.
    let snapshot: HostSnapshot
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Synchronization

/// Host events and writes whose functions have not been read again yet.
///
/// Creating VFs causes many events, and the states in between do not matter. So the functions are read once, at the
/// next question about the host or shortly after the last event.
final class Unseen: Sendable {
    /// Has an element after new events or writes. Elements that nobody has read yet are merged into one.
    let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation
    private let state = Mutex((events: [HostEvent](), written: Set<PCIAddress>(), count: 0))

    init() { (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ events: [HostEvent]) {
        state.withLock {
            $0.events += events
            $0.count += 1
        }
        arrived.yield()
    }

    func add(written address: PCIAddress) {
        state.withLock {
            $0.written.insert(address)
            $0.count += 1
        }
        arrived.yield()
    }

    func take() -> (events: [HostEvent], written: Set<PCIAddress>) {
        state.withLock { state in
            defer { state = ([], [], state.count) }
            return (state.events, state.written)
        }
    }

    /// The number of additions so far. If it has not changed, nothing came in between.
    var count: Int { state.withLock(\.count) }
}

/// Wakes any number of waiters when the host reports a change.
final class HostChanges: Sendable {
    private struct Waiters {
        var next = 0
        var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let waiters = Mutex(Waiters())

    /// Returns at the next change, or when the time is up.
    func wait(upTo limit: Duration) async {
        let id = waiters.withLock { waiters in
            waiters.next += 1
            return waiters.next
        }
        await withCheckedContinuation { continuation in
            waiters.withLock { $0.continuations[id] = continuation }
            // After the registration: a timer that fires before it would wake nobody.
            Task {
                try? await Task.sleep(for: limit)
                wake(id)
            }
        }
    }

    /// Wakes all waiters.
    func signal() {
        let woken = waiters.withLock { waiters in
            defer { waiters.continuations = [:] }
            return waiters.continuations.values.map(\.self)
        }
        for continuation in woken { continuation.resume() }
    }

    private func wake(_ id: Int) {
        waiters.withLock { $0.continuations.removeValue(forKey: id) }?.resume()
    }
}

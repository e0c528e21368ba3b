// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Synchronization

/// What happened on the host, and nobody has looked at yet.
///
/// While a card is cut up much happens, and what a function is like in between interests nobody: it is looked at once,
/// when somebody asks or soon after.
final class Unseen: Sendable {
    /// An element when something came to be looked at, and nothing was before.
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

    /// How much has come so far: the same number twice means that nothing came in between.
    var count: Int { state.withLock(\.count) }
}

/// Lets any number of waiters know that the host reported a change.
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
            // Only now: a timer that ran out before there was anyone to wake would never wake them.
            Task {
                try? await Task.sleep(for: limit)
                wake(id)
            }
        }
    }

    /// Something changed: everyone looks again.
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

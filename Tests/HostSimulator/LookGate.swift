// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Synchronization

/// A gate that the readers of a host pass. While it is closed they wait in the call, as for a driver that hangs.
public final class LookGate: Sendable {
    private struct State {
        var isClosed = false
        var waiting = 0
        /// Readers that were let go so that a test ends: what should have opened the gate could not run.
        var lost = 0
    }

    private let state = Mutex(State())
    private let opened = DispatchSemaphore(value: 0)
    private let arrivals = AsyncStream.makeStream(of: Int.self)

    init() {}

    public func close() { state.withLock { $0.isClosed = true } }

    public func open() {
        let waiting = state.withLock { state in
            state.isClosed = false
            return state.waiting
        }
        for _ in 0..<waiting { opened.signal() }
    }

    /// Returns when so many readers wait.
    public func reached(by count: Int) async {
        for await waiting in arrivals.stream where waiting >= count { return }
    }

    public var lost: Int { state.withLock(\.lost) }

    func pass() {
        let waiting = state.withLock { state -> Int? in
            guard state.isClosed else { return nil }
            state.waiting += 1
            return state.waiting
        }
        guard let waiting else { return }
        arrivals.continuation.yield(waiting)
        let isLost = opened.wait(timeout: .now() + 60) == .timedOut
        state.withLock { state in
            state.waiting -= 1
            if isLost { state.lost += 1 }
        }
    }
}

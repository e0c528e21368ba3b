// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Lanes of work. Work on different lanes runs concurrently; work on one lane runs in order of arrival.
///
/// Lock order: the host's lane before a PF's lane. Uses a lock instead of an actor: a lane is mostly free, and entering
/// an actor can switch threads.
final class Lanes: Sendable {
    enum Lane: Hashable, Sendable {
        /// Work on the declared state as a whole: apply and drift checks.
        case host
        /// Changes of one PF or its VFs.
        case card(PCIAddress)
        /// Changes of one domain, by UUID. Only for work that calls libvirt. Lock order: before every other lane.
        case domain(String)
    }

    private struct State {
        /// The waiters for each lane that is busy.
        var waiting: [Lane: [CheckedContinuation<Void, Never>]] = [:]
        var ended = 0
        /// For each PF's lane: the value of `ended` when work last ended there.
        var lastEnded: [Lane: Int] = [:]
    }

    private let state = Mutex(State())

    func run<Result: Sendable>(on lane: Lane, _ work: @Sendable () async throws -> Result) async throws -> Result {
        await enter(lane)
        defer { leave(lane) }
        return try await work()
    }

    /// The number of pieces of work that have ended so far, on all lanes.
    var ended: Int { state.withLock(\.ended) }

    /// Runs work that was planned before it entered the lane.
    ///
    /// - Parameters:
    ///   - mark: the value of ``ended`` before the host was read for the plan.
    ///   - work: `isOutdated` is true when other work on the lane has ended since.
    func run<Result: Sendable>(
        on lane: Lane, since mark: Int, _ work: @Sendable (_ isOutdated: Bool) async throws -> Result
    ) async throws -> Result {
        try await run(on: lane) {
            let last = state.withLock { $0.lastEnded[lane] }
            return try await work(last.map { $0 > mark } ?? false)
        }
    }

    /// The number of waiters for a lane.
    func waiting(for lane: Lane) -> Int { state.withLock { $0.waiting[lane]?.count ?? 0 } }

    private func enter(_ lane: Lane) async {
        await withCheckedContinuation { turn in
            let isFree = state.withLock { state in
                if state.waiting[lane] == nil {
                    state.waiting[lane] = []
                    return true
                }
                state.waiting[lane]?.append(turn)
                return false
            }
            if isFree { turn.resume() }
        }
    }

    private func leave(_ lane: Lane) {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.ended += 1
            if case .card = lane { state.lastEnded[lane] = state.ended }
            guard state.waiting[lane]?.isEmpty == false else {
                state.waiting[lane] = nil
                return nil
            }
            return state.waiting[lane]?.removeFirst()
        }
        next?.resume()
    }
}

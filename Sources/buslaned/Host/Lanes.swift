// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Lanes of work: what is on different lanes runs side by side, what is on one lane in order of arrival.
///
/// The host's lane is taken before a card's, never after it. Behind a lock and no actor: a lane is mostly free, and to enter
/// an actor can take a turn to another thread.
final class Lanes: Sendable {
    enum Lane: Hashable, Sendable {
        /// What is about the declared state as a whole: applying it, and looking for drift from it.
        case host
        /// What changes one PF or its VFs.
        case card(PCIAddress)
        /// What changes one domain, by its UUID. Taken among those who call libvirt, and before any other.
        case domain(String)
    }

    private struct State {
        /// Who waits for each lane that somebody is on.
        var waiting: [Lane: [CheckedContinuation<Void, Never>]] = [:]
        var ended = 0
        /// By card's lane: the last work on it that ended.
        var lastEnded: [Lane: Int] = [:]
    }

    private let state = Mutex(State())

    func run<Result: Sendable>(on lane: Lane, _ work: @Sendable () async throws -> Result) async throws -> Result {
        await enter(lane)
        defer { leave(lane) }
        return try await work()
    }

    /// How many works have ended so far, on whichever lane.
    var ended: Int { state.withLock(\.ended) }

    /// The same for work that was planned before it came to the lane.
    ///
    /// - Parameters:
    ///   - mark: ``ended`` before the look that it was planned from.
    ///   - work: told whether somebody else's work on the lane has ended since.
    func run<Result: Sendable>(
        on lane: Lane, since mark: Int, _ work: @Sendable (_ isOutdated: Bool) async throws -> Result
    ) async throws -> Result {
        try await run(on: lane) {
            let last = state.withLock { $0.lastEnded[lane] }
            return try await work(last.map { $0 > mark } ?? false)
        }
    }

    /// How many wait for a lane.
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

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Lanes of work: what is on different lanes runs side by side, what is on one lane in order of arrival.
///
/// The host's lane is taken before a card's, never after it.
actor Lanes {
    enum Lane: Hashable, Sendable {
        /// What is about the declared state as a whole: applying it, and looking for drift from it.
        case host
        /// What changes one PF or its VFs.
        case card(PCIAddress)
        /// What changes one domain, by its UUID. Taken among those who call libvirt, and before any other.
        case domain(String)
    }

    /// Who waits for each lane that somebody is on.
    private(set) var waiting: [Lane: [CheckedContinuation<Void, Never>]] = [:]

    func run<Result: Sendable>(on lane: Lane, _ work: @Sendable () async throws -> Result) async throws -> Result {
        try await run(on: lane) { _ in try await work() }
    }

    /// The same for work that knows something already.
    ///
    /// - Parameter work: told whether somebody else was on the lane before it: what it knows may have changed then.
    func run<Result: Sendable>(on lane: Lane, _ work: @Sendable (Bool) async throws -> Result) async throws -> Result {
        let waited = await enter(lane)
        defer { leave(lane) }
        return try await work(waited)
    }

    /// How many works have ended so far, on whichever lane.
    private(set) var ended = 0
    /// By card's lane: the last work on it that ended.
    private var lastEnded: [Lane: Int] = [:]

    /// The same for work that was planned before it came to the lane.
    ///
    /// - Parameters:
    ///   - mark: ``ended`` before the look that it was planned from.
    ///   - work: told whether somebody else's work on the lane has ended since.
    func run<Result: Sendable>(
        on lane: Lane, since mark: Int, _ work: @Sendable (_ isOutdated: Bool) async throws -> Result
    ) async throws -> Result {
        _ = await enter(lane)
        defer { leave(lane) }
        return try await work(lastEnded[lane, default: 0] > mark)
    }

    /// - Returns: whether it had to wait.
    private func enter(_ lane: Lane) async -> Bool {
        guard waiting[lane] != nil else {
            waiting[lane] = []
            return false
        }
        await withCheckedContinuation { waiting[lane, default: []].append($0) }
        return true
    }

    private func leave(_ lane: Lane) {
        ended += 1
        if case .card = lane { lastEnded[lane] = ended }
        guard var queue = waiting[lane], !queue.isEmpty else {
            waiting[lane] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[lane] = queue
        next.resume()
    }
}

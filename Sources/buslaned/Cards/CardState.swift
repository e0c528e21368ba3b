// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// How the host stands against what it should be: what is awaited, what drifted, and what was put right how often.
///
/// Kept in memory alone: a new process looks anew.
final class CardState: Sendable {
    /// As often a function is put right within ``repairWindow``, and then no more: two programs that undo each
    /// other's work help nobody.
    static let repairLimit = 10
    private static let repairWindow: Duration = .seconds(300)

    private struct State {
        var hasResumed = false
        /// Declared, and not there or not ready yet.
        var awaited = DesiredState()
        /// Why, in words.
        var missing: [String] = []
        /// By function, the drift as it was told.
        var told: [PCIAddress: Drift] = [:]
        var repairs: [PCIAddress: [ContinuousClock.Instant]] = [:]
    }

    private let state = Mutex(State())

    /// Whether what an earlier run left was settled, and what was declared brought back. Before that, what differs from
    /// how it was made before is no drift.
    var hasResumed: Bool { state.withLock(\.hasResumed) }

    func resumed() { state.withLock { $0.hasResumed = true } }

    /// What is declared and cannot be made as yet.
    var awaited: DesiredState { state.withLock(\.awaited) }

    /// Why, a line for each declaration.
    var missing: [String] { state.withLock(\.missing) }

    /// Everything that is not as it should be, a line each; empty on a host in order.
    var problems: [String] {
        state.withLock { state in
            state.missing + state.told.values.sorted { $0.subject < $1.subject }.map { "\($0.subject): \($0)" }
        }
    }

    func await(_ desired: DesiredState, _ missing: [String]) {
        state.withLock {
            $0.awaited = desired
            $0.missing = missing
        }
    }

    /// Those that were not told yet as they are now. What is not among the found any more is over.
    ///
    /// - Parameter cards: where it was looked for; nil for everywhere.
    func news(_ found: [Drift], on cards: Set<PCIAddress>?) -> [Drift] {
        state.withLock { state in
            let news = found.filter { state.told[$0.subject] != $0 }
            state.told = state.told.filter { cards?.contains($0.value.card) == false }
            for drift in found { state.told[drift.subject] = drift }
            return news
        }
    }

    /// Nothing differs there.
    func atRest(on cards: Set<PCIAddress>?) { _ = news([], on: cards) }

    func settled(_ subject: PCIAddress) { state.withLock { $0.told[subject] = nil } }

    /// Counts, and says no to one too many.
    func mayRepair(_ subject: PCIAddress) -> Bool {
        state.withLock { state in
            let recent = (state.repairs[subject] ?? []).filter { $0.duration(to: .now) < Self.repairWindow }
            guard recent.count < Self.repairLimit else { return false }
            state.repairs[subject] = recent + [.now]
            return true
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// The state of the PFs against what is declared and applied: what is awaited, what drifted, and how often it was
/// repaired.
///
/// In memory only. A new process starts without it.
final class CardState: Sendable {
    /// How often a function is repaired within ``repairWindow``. After that the daemon stops, so that two programs do
    /// not undo each other's work endlessly.
    static let repairLimit = 10
    private static let repairWindow: Duration = .seconds(300)
    /// As long as a claim whose guest starts counts as starting.
    private static let startGrace: Duration = .seconds(60)

    private struct State {
        var hasRestored = false
        /// Declared PFs that are missing or not ready yet.
        var awaited = DesiredState()
        /// Those of them that came and were configured meanwhile.
        var configured: Set<PCIAddress> = []
        /// The reasons, as text.
        var missing: [String] = []
        /// The reported drift of each function.
        var reported: [PCIAddress: Drift] = [:]
        /// When each difference was seen first.
        var firstSeen: [PCIAddress: ContinuousClock.Instant] = [:]
        var repairs: [PCIAddress: [ContinuousClock.Instant]] = [:]
    }

    private let state = Mutex(State())

    /// Whether crash recovery and the restore after boot are done. Before that, a difference is not drift.
    var hasRestored: Bool { state.withLock(\.hasRestored) }

    func restored() { state.withLock { $0.hasRestored = true } }

    /// The declared PFs that cannot be configured yet.
    var awaited: DesiredState { state.withLock(\.awaited) }

    /// The reasons, one line for each declaration.
    var missing: [String] { state.withLock(\.missing) }

    /// All problems, one line each; empty on a host in order.
    var problems: [String] {
        state.withLock { state in
            state.missing + state.reported.values.sorted { $0.subject < $1.subject }.map { "\($0.subject): \($0)" }
        }
    }

    func await(_ desired: DesiredState, _ missing: [String]) {
        state.withLock {
            $0.awaited = desired
            $0.missing = missing
            if missing.isEmpty { $0.configured = [] }
        }
    }

    /// Records that a PF was configured as declared, or that this was refused.
    func configured(_ physicalFunction: PCIAddress) {
        state.withLock { if !$0.missing.isEmpty { $0.configured.insert(physicalFunction) } }
    }

    /// The awaited PFs that are there and are not configured yet. What was applied to them before is out of date, so
    /// nothing is repaired on them.
    func unconfigured(on host: HostSnapshot) -> Set<PCIAddress> {
        let (awaited, configured) = state.withLock { ($0.awaited, $0.configured) }
        return Set(awaited.met(on: host).keys).subtracting(configured)
    }

    /// The drifts that are new or changed since the last report. A drift that is not found any more is over.
    ///
    /// - Parameter cards: the PFs that were looked at; nil for all.
    func news(_ found: [Drift], on cards: Set<PCIAddress>?) -> [Drift] {
        state.withLock { state in
            let news = found.filter { state.reported[$0.subject] != $0 }
            state.reported = state.reported.filter { cards?.contains($0.value.card) == false }
            for drift in found { state.reported[drift.subject] = drift }
            state.firstSeen = state.firstSeen.filter { state.reported[$0.key] != nil }
            return news
        }
    }

    /// Records that these PFs have no drift.
    func atRest(on cards: Set<PCIAddress>?) { _ = news([], on: cards) }

    func repaired(_ subject: PCIAddress) { state.withLock { $0.reported[subject] = nil } }

    /// Whether the function has differed for less than a minute: its guest may be starting.
    func isNew(_ subject: PCIAddress, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            let first = state.firstSeen[subject] ?? now
            state.firstSeen[subject] = first
            return first.duration(to: now) < Self.startGrace
        }
    }

    /// Counts a repair.
    ///
    /// - Returns: false when the limit is reached.
    func mayRepair(_ subject: PCIAddress) -> Bool {
        state.withLock { state in
            let recent = (state.repairs[subject] ?? []).filter { $0.duration(to: .now) < Self.repairWindow }
            guard recent.count < Self.repairLimit else { return false }
            state.repairs[subject] = recent + [.now]
            return true
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Decides what to do with an open intent: its change was recorded, and then the process ended.
public enum Recovery {
    /// The work that a change is part of.
    public enum Purpose: String, Hashable, Sendable, Codable {
        /// Declared state was being applied.
        case apply
        /// A new claim's functions were being made ready; its client had no answer yet.
        case allocate
        /// A guest was about to start with an existing claim.
        case prepare
    }

    public enum Decision: Hashable, Sendable {
        /// The goal is reached, or no longer applies.
        case close
        /// Complete the change.
        case complete(Change)
        /// Return to the recorded state.
        case undo(Change)
        /// Neither completing nor undoing is known to be safe.
        case quarantine(PCIAddress, reason: String)
    }

    /// The decision for one interrupted change, by the state that is observed now.
    ///
    /// A claim that was still being set up is undone: its client does not know of it. Every other change is completed:
    /// it was requested, and no failure was reported.
    public static func decide(
        from: Aspect, to: Aspect, purpose: Purpose, sameBoot: Bool, on source: some FunctionSource
    ) -> Decision {
        // A reboot undoes every effect: VFs, bindings, overrides, settings.
        guard sameBoot else { return .close }
        let goal = purpose == .allocate ? from : to
        if goal.holds(on: source) { return .close }
        guard let now = goal.observed(on: source) else {
            // The function is gone, and its state with it.
            if goal.isGone(from: source) { return .close }
            return .quarantine(goal.subject, reason: "an interrupted change cannot be read back")
        }
        let change = Change(from: now, to: goal)
        return purpose == .allocate ? .undo(change) : .complete(change)
    }
}

extension Aspect {
    /// Whether the function that has the aspect is missing. A VF can be missing while its PF is present.
    public func isGone(from source: some FunctionSource) -> Bool {
        guard let function = source[subject] else { return true }
        guard case .vfSettings(let virtual, _) = self else { return false }
        return function.sriov?.virtualFunctions.indices.contains(virtual.index) != true
    }
}

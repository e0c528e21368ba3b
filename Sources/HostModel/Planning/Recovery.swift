// SPDX-License-Identifier: GPL-3.0-or-later

/// What to do about an intent that was found open: its step was recorded, and then the process ended.
public enum Recovery {
    /// Why the work was under way.
    public enum Purpose: String, Hashable, Sendable, Codable {
        /// Declared state was being applied.
        case apply
        /// A new claim's functions were being made ready; nobody was told of the claim yet.
        case allocate
        /// A guest was about to start, with a claim that stands.
        case prepare
    }

    public enum Decision: Hashable, Sendable {
        /// What was wanted is there, or means nothing any more.
        case close
        /// Go on to what was wanted.
        case complete(Change)
        /// Go back to what was recorded.
        case undo(Change)
        /// Neither way is known to be safe.
        case quarantine(PCIAddress, reason: String)
    }

    /// The decision for one change that was under way, from what is observed now.
    ///
    /// A half-made claim is undone, for nobody knows of it; all else goes forward, for somebody asked for it and was
    /// not told that it failed.
    public static func decide(
        from: Aspect, to: Aspect, purpose: Purpose, sameBoot: Bool, on source: some FunctionSource
    ) -> Decision {
        // A reboot undid every effect there was: VFs, bindings, overrides, settings.
        guard sameBoot else { return .close }
        let goal = purpose == .allocate ? from : to
        if goal.holds(on: source) { return .close }
        guard let now = goal.observed(on: source) else {
            // The function went away, and its state with it.
            if goal.isGone(from: source) { return .close }
            return .quarantine(goal.subject, reason: "an interrupted change cannot be read back")
        }
        let change = Change(from: now, to: goal, steps: Planner.steps(from: now, to: goal))
        return purpose == .allocate ? .undo(change) : .complete(change)
    }
}

extension Aspect {
    /// Whether what has the aspect is no longer there. A VF can be gone while its PF stays.
    public func isGone(from source: some FunctionSource) -> Bool {
        guard let function = source[subject] else { return true }
        guard case .vfSettings(let virtual, _) = self else { return false }
        return function.sriov?.virtualFunctions.indices.contains(virtual.index) != true
    }
}

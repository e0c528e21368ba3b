// SPDX-License-Identifier: GPL-3.0-or-later

extension Planner {
    /// What makes an assigned function ready for its owner: its settings enforced by the PF, and bound to VFIO.
    ///
    /// Empty when it is ready already, which is how the hook verifies it at every start.
    ///
    /// - Parameter settings: what to enforce; the assignment's own as a rule.
    public static func ready(
        _ assignment: Assignment, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        guard let function = source[assignment.address] else { throw .unknownFunction(assignment.address) }
        var changes: [Change] = []
        if let virtual = function.virtualFunction, assignment.isNetwork {
            if let down = source[virtual.physicalFunction]?.interfaces.first(where: { !$0.isAdministrativelyUp }) {
                throw .physicalFunctionDown(virtual.physicalFunction, interface: down.name)
            }
            // Before binding: on some cards setting a MAC resets the VF, and a guest that has it would notice.
            if !assignment.settings.isEmpty,
                let change = try change(to: .vfSettings(virtual, assignment.settings), on: source)
            {
                changes.append(change)
            }
        }
        if !function.isOnVFIO {
            let driver = VFIO.genericDriver
            let binding = Aspect.binding(assignment.address, driver: driver, driverOverride: driver)
            if let change = try change(to: binding, on: source) { changes.append(change) }
        }
        return changes
    }

    /// What puts a function back as its owner found it: settings first, while no driver of the host can see the old
    /// ones, then driver and override.
    ///
    /// A function that is gone needs nothing.
    public static func restore(
        _ assignment: Assignment, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        guard let function = source[assignment.address] else { return [] }
        var changes: [Change] = []
        let original = assignment.original
        if let virtual = function.virtualFunction, let settings = original.settings?.restoring(assignment.settings),
            !settings.isEmpty, let change = try change(to: .vfSettings(virtual, settings), on: source)
        {
            changes.append(change)
        }
        let now = Aspect.binding(
            assignment.address, driver: function.driver, driverOverride: function.driverOverride)
        let then = Aspect.binding(
            assignment.address, driver: original.driver, driverOverride: original.driverOverride)
        let steps = scrubbing(function) + steps(from: now, to: then)
        if !steps.isEmpty { changes.append(Change(from: now, to: then, steps: steps)) }
        return changes
    }

    /// The reset between owners, while VFIO still has the function and no host driver can be surprised by it.
    private static func scrubbing(_ function: Function) -> [Step] {
        guard function.isOnVFIO, !function.resetMethods.isEmpty else { return [] }
        return [
            Step(
                .reset(function.address), requires: [.driver(function.address, function.driver)],
                ensures: [.driver(function.address, function.driver)])
        ]
    }
}

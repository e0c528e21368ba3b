// SPDX-License-Identifier: GPL-3.0-or-later

extension Planner {
    /// What makes an assigned function ready for its owner: its settings enforced by the PF, and bound to VFIO.
    ///
    /// Empty when it is ready already, which is how the hook verifies it at every start.
    public static func ready(
        _ assignment: Assignment, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        try ready(assignment.address, as: assignment.settings, on: source)
    }

    /// The same for a function that nobody has yet.
    public static func ready(
        _ address: PCIAddress, as settings: VFSettings, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        guard let function = source[address] else { throw .function(address, .unknown) }
        var changes: [Change] = []
        if let virtual = function.virtualFunction, function.isNetwork {
            if let down = source.downInterface(of: virtual.physicalFunction) {
                throw .function(virtual.physicalFunction, .physicalFunctionDown(interface: down))
            }
            // Before binding: on some cards setting a MAC resets the VF, and a guest that has it would notice.
            if !settings.isEmpty, let change = try change(to: .vfSettings(virtual, settings), on: source) {
                changes.append(change)
            }
        }
        if !function.isOnVFIO {
            let driver = VFIO.genericDriver
            let binding = Aspect.binding(address, driver: driver, driverOverride: driver)
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

    /// What brings a function of which nothing is known to the state in which it can be handed out: no driver of its
    /// last owner, reset, nothing left of what its PF enforced for it.
    ///
    /// - Parameter declared: how its card is declared, which says what such a function is bound to.
    /// - Throws: a ``Refusal`` while somebody has it or its group.
    public static func cleanse(
        _ address: PCIAddress, declared: PFDeclaration?, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [Change] {
        guard let function = host[address] else { throw .function(address, .unknown) }
        try refuseIfHeld(function, holdings)
        for neighbour in host.group(function.iommuGroup ?? -1)?.functions ?? [] where neighbour != address {
            if let claim = holdings.claims[neighbour] {
                throw .function(neighbour, .heldByClaim(claim: claim.id, owner: claim.ownerName))
            }
        }
        var changes: [Change] = []
        if let virtual = function.virtualFunction, let settings = function.vfSettings {
            let clean = VFSettings.untouched.restoring(settings)
            if let change = try change(to: .vfSettings(virtual, clean), on: host) { changes.append(change) }
        }
        // A VF is bound as its card declares; a whole card is taken from VFIO, and otherwise keeps its driver.
        let driver =
            function.virtualFunction.map { declared?.driver(ofVF: $0.index) }
            ?? (function.isOnVFIO ? nil : function.driver)
        let override = function.virtualFunction == nil ? nil : driver
        let now = Aspect.binding(address, driver: function.driver, driverOverride: function.driverOverride)
        let then = Aspect.binding(address, driver: driver, driverOverride: override)
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

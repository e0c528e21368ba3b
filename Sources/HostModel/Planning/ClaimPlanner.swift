// SPDX-License-Identifier: GPL-3.0-or-later

/// Plans the changes that an assigned function needs: before its owner uses it, and after. Pure.
public enum ClaimPlanner {
    /// The changes that make an assigned function ready for its owner: the PF enforces its settings, and it is bound to
    /// VFIO.
    ///
    /// Empty if it is ready already. The hook verifies it this way at every start.
    ///
    /// - Throws: a ``Refusal``, also when the function at its address is another one.
    public static func ready(
        _ assignment: Assignment, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        if let doubt = source[assignment.address].flatMap(assignment.doubt(about:)) {
            throw .function(assignment.address, .quarantined(reason: doubt.description))
        }
        return try ready(assignment.address, as: assignment.settings, on: source)
    }

    /// The same for a function that is not assigned yet.
    public static func ready(
        _ address: PCIAddress, as settings: VFSettings, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        guard let function = source[address] else { throw .function(address, .unknown) }
        var changes: [Change] = []
        if let virtual = function.virtualFunction, function.isEthernet {
            if let down = source.downPort(ofVF: virtual) {
                throw .function(virtual.physicalFunction, .physicalFunctionDown(interface: down))
            }
            // Before binding: some PFs reset a VF when its MAC address is set, and a guest that has it would notice.
            if !settings.isEmpty, let change = try Change.leading(to: .vfSettings(virtual, settings), on: source) {
                changes.append(change)
            }
        }
        if !function.isOnVFIO {
            let driver = VFIO.genericDriver
            let binding = Aspect.binding(address, driver: driver, driverOverride: driver)
            if let change = try Change.leading(to: binding, on: source) { changes.append(change) }
        }
        return changes
    }

    /// The changes that restore a function's original state. Settings come first, while no host driver can see the claim's,
    /// then driver and override.
    ///
    /// Empty for a function that is missing, and where another one has its address.
    ///
    /// - Throws: a ``Refusal`` for a function that was bound to a host driver meanwhile and whose interface a container
    ///   has: it would lose it.
    public static func restore(
        _ assignment: Assignment, on source: some FunctionSource
    ) throws(Refusal) -> [Change] {
        guard let function = source[assignment.address], assignment.doubt(about: function) == nil else { return [] }
        var changes: [Change] = []
        let original = assignment.original
        if let virtual = function.virtualFunction, let settings = original.settings?.restoring(assignment.settings),
            !settings.isEmpty, let change = try Change.leading(to: .vfSettings(virtual, settings), on: source)
        {
            changes.append(change)
        }
        let now = Aspect.binding(
            assignment.address, driver: function.driver, driverOverride: function.driverOverride)
        let then = Aspect.binding(
            assignment.address, driver: original.driver, driverOverride: original.driverOverride)
        if function.hasInterfaceElsewhere, function.driver != original.driver {
            throw .function(assignment.address, .interfaceElsewhere)
        }
        let steps = scrubbing(function) + Change(from: now, to: then).steps
        if !steps.isEmpty { changes.append(Change(from: now, to: then, steps: steps)) }
        return changes
    }

    /// The changes that bring a function of unknown history to a state in which it can be claimed: it has no driver of an
    /// earlier owner, was reset, and its PF enforces no settings for it.
    ///
    /// - Parameters:
    ///   - declared: its PF's declaration, which names the driver of such a function.
    ///   - keepsDriver: whether it stays bound as it is.
    /// - Throws: a ``Refusal`` while the function or its group is held.
    public static func cleanse(
        _ address: PCIAddress, declared: PFDeclaration?, keepsDriver: Bool = false, on host: HostSnapshot,
        holdings: Holdings
    ) throws(Refusal) -> [Change] {
        guard let function = host[address] else { throw .function(address, .unknown) }
        try holdings.refuseIfHeld(function)
        for neighbour in host.group(function.iommuGroup ?? -1)?.functions ?? [] where neighbour != address {
            if let claim = holdings.claims[neighbour] {
                throw .function(neighbour, .heldByClaim(claim: claim.id, owner: claim.ownerName))
            }
        }
        var changes: [Change] = []
        if let virtual = function.virtualFunction, let settings = function.vfSettings {
            let clean = VFSettings.untouched.restoring(settings)
            if let change = try Change.leading(to: .vfSettings(virtual, clean), on: host) { changes.append(change) }
        }
        // A VF is bound as its PF's declaration says. Any other function is unbound from VFIO, or keeps its host driver.
        let cleanDriver =
            function.virtualFunction.map { declared?.driver(ofVF: $0.index) }
            ?? (function.isOnVFIO ? nil : function.driver)
        let driver = keepsDriver ? function.driver : cleanDriver
        let override = keepsDriver ? function.driverOverride : function.virtualFunction == nil ? nil : driver
        let now = Aspect.binding(address, driver: function.driver, driverOverride: function.driverOverride)
        let then = Aspect.binding(address, driver: driver, driverOverride: override)
        let steps = scrubbing(function) + Change(from: now, to: then).steps
        if !steps.isEmpty {
            try holdings.refuseIfUsedByHost(function)
            changes.append(Change(from: now, to: then, steps: steps))
        }
        return changes
    }

    /// The reset between two owners, while the function is bound to VFIO: a bound host driver would be disturbed by it.
    private static func scrubbing(_ function: Function) -> [Step] {
        guard function.isOnVFIO, !function.resetMethods.isEmpty else { return [] }
        return [
            Step(
                .reset(function.address), requires: [.driver(function.address, function.driver)],
                ensures: [.driver(function.address, function.driver)])
        ]
    }
}

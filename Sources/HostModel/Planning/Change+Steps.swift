// SPDX-License-Identifier: GPL-3.0-or-later

extension Change {
    /// The change from one aspect to another of the same kind and subject, with the steps that it takes.
    init(from: Aspect, to: Aspect) { self.init(from: from, to: to, steps: Self.steps(from: from, to: to)) }

    /// The change that leads to an aspect; nil if it holds already.
    ///
    /// - Throws: ``Refusal`` when its function does not exist, or has no such aspect.
    public static func leading(to aspect: Aspect, on source: some FunctionSource) throws(Refusal) -> Change? {
        if aspect.holds(on: source) { return nil }
        if let from = aspect.observed(on: source) { return Change(from: from, to: aspect) }
        if case .vfSettings(let virtual, _) = aspect, let physical = source[virtual.physicalFunction],
            let address = source.address(of: virtual)
        {
            throw .function(
                address, .settingsNotEnforced(physicalFunction: physical.address, driver: physical.driver))
        }
        throw .function(aspect.subject, .unknown)
    }

    /// Both aspects have the same kind and subject: ``Aspect/observed(on:)`` guarantees it.
    private static func steps(from: Aspect, to: Aspect) -> [Step] {
        switch (from, to) {
        case (.virtualFunctions(let pf, let count, let autoprobe), .virtualFunctions(_, let wanted, let wantedProbe)):
            cutSteps(pf, from: (count, autoprobe), to: (wanted, wantedProbe))
        case (.link(let pf, _, _), .link(_, let port, let up)):
            [
                Step(
                    .setLink(physicalFunction: pf, port: port, up: up), requires: [.exists(pf)],
                    ensures: to.conditions)
            ]
        case (.mtu(let pf, _, _), .mtu(_, let port, let octets)):
            [
                Step(
                    .setMTU(physicalFunction: pf, port: port, octets: octets), requires: [.exists(pf)],
                    ensures: to.conditions)
            ]
        case (.binding(let address, let driver, let override), .binding(_, let wanted, let wantedOverride)):
            bindSteps(address, from: (driver, override), to: (wanted, wantedOverride))
        case (.msixCount(let address, _), .msixCount(_, let count)):
            [
                Step(
                    .setMSIXCount(address, count), requires: [.driver(address, nil)],
                    ensures: to.conditions)
            ]
        case (.vfSettings(let virtual, let observed), .vfSettings(_, let wanted)):
            [
                Step(
                    .setVFSettings(virtual, wanted.difference(from: observed)),
                    requires: [.exists(virtual.physicalFunction)], ensures: [.vfSettings(virtual, wanted)])
            ]
        default: []
        }
    }

    private static func cutSteps(
        _ pf: PCIAddress, from: (count: Int, autoprobe: Bool), to: (count: Int, autoprobe: Bool)
    ) -> [Step] {
        var steps: [Step] = []
        var present = from.count
        // The kernel refuses a change from N to M: it must go through 0.
        if present != 0, present != to.count {
            steps.append(countStep(pf, from: present, to: 0))
            present = 0
        }
        // Set before the VFs appear, so that no host driver binds to one.
        if from.autoprobe != to.autoprobe {
            steps.append(
                Step(
                    .setDriversAutoprobe(physicalFunction: pf, on: to.autoprobe), requires: [.exists(pf)],
                    ensures: [.driversAutoprobe(pf, to.autoprobe)]))
        }
        if present != to.count { steps.append(countStep(pf, from: present, to: to.count, probing: to.autoprobe)) }
        // The count is right but not all VFs are present yet. Writing the same count changes nothing; the step waits.
        // Source: `sriov_numvfs_store`, drivers/pci/iov.c.
        if steps.isEmpty {
            steps.append(
                Step(
                    .setVFCount(physicalFunction: pf, count: to.count), requires: [.exists(pf)],
                    ensures: [.virtualFunctions(pf, count: to.count)]))
        }
        return steps
    }

    /// - Parameter probing: the kernel binds a host driver to each new VF.
    private static func countStep(_ pf: PCIAddress, from: Int, to: Int, probing: Bool = false) -> Step {
        // Removing VFs does not require that all of them ever appeared.
        Step(
            .setVFCount(physicalFunction: pf, count: to),
            requires: to == 0 ? [.exists(pf)] : [.virtualFunctions(pf, count: from)],
            // Checked only for new VFs: later, an interface may legitimately be in a container's network namespace.
            ensures: probing
                ? [.virtualFunctions(pf, count: to), .uniformInterfaces(pf)] : [.virtualFunctions(pf, count: to)])
    }

    private static func bindSteps(
        _ address: PCIAddress, from: (driver: String?, override: String?), to: (driver: String?, override: String?)
    ) -> [Step] {
        var steps: [Step] = []
        var override = from.override
        func setOverride(_ driver: String?) {
            guard override != driver else { return }
            override = driver
            steps.append(
                Step(
                    .setDriverOverride(address, driver: driver), requires: [.exists(address)],
                    ensures: [.driverOverride(address, driver)]))
        }
        if from.driver != to.driver {
            // The override names the driver for the probe, whatever it is afterwards. With autoprobe off the kernel
            // binds a VF only to the driver in its override, not even to the VF's usual one.
            if let driver = to.driver { setOverride(driver) }
            if let driver = from.driver {
                steps.append(
                    Step(
                        .unbindDriver(address), requires: [.driver(address, driver)], ensures: [.driver(address, nil)]))
            }
            if let driver = to.driver {
                steps.append(
                    Step(
                        .probeDriver(address), requires: [.driverOverride(address, driver)],
                        ensures: [.driver(address, driver)]))
            }
        }
        setOverride(to.override)
        return steps
    }
}

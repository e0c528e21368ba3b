// SPDX-License-Identifier: GPL-3.0-or-later

/// The way from what is observed to one aspect.
public enum Planner {}

extension Planner {
    /// The change that brings an aspect about; nil when it holds already.
    ///
    /// - Throws: ``Refusal`` when its function does not exist.
    public static func change(
        to aspect: Aspect, on source: some FunctionSource
    ) throws(Refusal) -> Change? {
        if aspect.holds(on: source) { return nil }
        guard let from = aspect.observed(on: source) else { throw .function(aspect.subject, .unknown) }
        return Change(from: from, to: aspect, steps: steps(from: from, to: aspect))
    }

    /// Both aspects are of one kind and one subject: ``Aspect/observed(on:)`` sees to that.
    static func steps(from: Aspect, to: Aspect) -> [Step] {
        switch (from, to) {
        case (.virtualFunctions(let pf, let count, let autoprobe), .virtualFunctions(_, let wanted, let wantedProbe)):
            cutSteps(pf, from: (count, autoprobe), to: (wanted, wantedProbe))
        case (.link(let pf, _), .link(_, let up)):
            [Step(.setLink(physicalFunction: pf, up: up), requires: [.exists(pf)], ensures: [.link(pf, up: up)])]
        case (.mtu(let pf, _), .mtu(_, let octets)):
            [
                Step(
                    .setMTU(physicalFunction: pf, octets: octets), requires: [.exists(pf)],
                    ensures: [.mtu(pf, octets: octets)])
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
        // The kernel refuses N to M: go through 0.
        if present != 0, present != to.count {
            steps.append(countStep(pf, from: present, to: 0))
            present = 0
        }
        // Before the VFs appear, so that no host driver takes one in between.
        if from.autoprobe != to.autoprobe {
            steps.append(
                Step(
                    .setDriversAutoprobe(physicalFunction: pf, on: to.autoprobe), requires: [.exists(pf)],
                    ensures: [.driversAutoprobe(pf, to.autoprobe)]))
        }
        if present != to.count { steps.append(countStep(pf, from: present, to: to.count, probing: to.autoprobe)) }
        // Of VFs that were asked for not all are there: the same count again changes nothing, and they are waited for.
        // Source: `sriov_numvfs_store`, drivers/pci/iov.c.
        if steps.isEmpty {
            steps.append(
                Step(
                    .setVFCount(physicalFunction: pf, count: to.count), requires: [.exists(pf)],
                    ensures: [.virtualFunctions(pf, count: to.count)]))
        }
        return steps
    }

    /// - Parameter probing: the host's driver takes each VF by itself.
    private static func countStep(_ pf: PCIAddress, from: Int, to: Int, probing: Bool = false) -> Step {
        // Away with them, whether or not all of them ever came.
        Step(
            .setVFCount(physicalFunction: pf, count: to),
            requires: to == 0 ? [.exists(pf)] : [.virtualFunctions(pf, count: from)],
            // Asked of new VFs alone: later, an interface may rightly be in a container's network namespace.
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
            // The override names the driver for the probe, whatever it shall be afterwards: where autoprobe is off,
            // the kernel probes a VF for no driver but the one in the override, not even for the VF's own.
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

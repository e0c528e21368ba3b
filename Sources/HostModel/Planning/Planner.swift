// SPDX-License-Identifier: GPL-3.0-or-later

/// Plans the changes that lead from the observed state of PFs and their VFs to the declared one. Pure.
public enum Planner {
    /// The plan that leads to the declared state.
    ///
    /// A PF that was changed for an earlier declaration and is no longer declared gets its original state back.
    ///
    /// - Throws: a ``Refusal``: a selector matches nothing, a PF cannot have that many VFs, or a step would take a function
    ///   from a live claim or a running guest.
    public static func plan(
        for desired: DesiredState, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> Plan {
        var plan = Plan()
        var declared: Set<PCIAddress> = []
        for (declaration, function) in try desired.resolved(on: host) {
            declared.insert(function.address)
            plan.add(try self.plan(for: declaration, of: function, on: host, holdings: holdings))
        }
        if desired.isPartial { return plan }
        for (address, original) in holdings.originals.sorted(by: { $0.key < $1.key })
        where !declared.contains(address) {
            // A card that was removed has no state to restore, and one in doubt perhaps another's.
            guard let function = host[address], function.sriov != nil,
                !CardDoubt.isReason(holdings.quarantine[address])
            else { continue }
            let changes = try restoration(of: function, to: original, on: host, holdings, &plan.blastRadius)
            plan.append(changes, to: address, purpose: .restored)
        }
        return plan
    }

    /// The plan that leads to the declared state of one PF.
    public static func plan(
        for declaration: PFDeclaration, of function: Function, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> Plan {
        var plan = Plan()
        let changes = try changes(for: declaration, of: function, on: host, holdings, &plan.blastRadius)
        if !changes.isEmpty, let reason = holdings.quarantine[function.address] {
            throw .function(function.address, .quarantined(reason: reason))
        }
        plan.append(changes, to: function.address, purpose: .declared)
        return plan
    }

    private static func changes(
        for declaration: PFDeclaration, of function: Function, on host: HostSnapshot, _ holdings: Holdings,
        _ blast: inout BlastRadius
    ) throws(Refusal) -> [Change] {
        let pf = function.address
        guard let sriov = function.sriov else { throw .declaration(.noSRIOV(pf)) }
        // A PF that is claimed itself cannot have its VFs changed.
        if declaration.vfCount != sriov.vfCount { try holdings.refuseIfHeld(function) }
        let stayDown = function.interfaces.portIDs.contains { declaration.port($0, of: function).linkUp == false }
        if declaration.vfCount > sriov.vfCount, stayDown, let driver = function.driver,
            DriverOrder.of(driver: driver).makesVFsOnlyWhenUp
        {
            throw .declaration(.vfsNeedLink(pf, driver: driver))
        }
        var changes: [Change] = []
        // The MTU comes first: changing it resets some PFs and their VFs.
        let ports = try portChanges(for: declaration, of: function, on: host)
        if !ports.mtus.isEmpty { try refuseIfOpen(theVFsOf: sriov, on: host, holdings) }
        changes += ports.mtus + ports.links
        let cut = Aspect.virtualFunctions(
            pf, count: declaration.vfCount, driversAutoprobe: declaration.driversAutoprobe)
        if let change = try Change.leading(to: cut, on: host) {
            if sriov.vfCount != declaration.vfCount {
                try refuseOrCount(theVFsOf: sriov, on: host, holdings, &blast)
            }
            changes.append(change)
        }
        changes += try vfChanges(for: declaration, sriov: sriov, pf: pf, on: host, holdings)
        return changes
    }

    /// The changes of a PF's ports. Without a declared link, only ports that a VF needs are set up.
    private static func portChanges(
        for declaration: PFDeclaration, of function: Function, on host: HostSnapshot
    ) throws(Refusal) -> (mtus: [Change], links: [Change]) {
        let pf = function.address
        var (mtus, links): ([Change], [Change]) = ([], [])
        let needed = function.vfPorts.portsToSetUp(forVFs: declaration.vfCount)
        for port in function.interfaces.portIDs {
            let declared = declaration.port(port, of: function)
            if let mtu = declared.mtu {
                append(&mtus, try Change.leading(to: .mtu(pf, port: port, octets: mtu), on: host))
            }
            let isNeeded = !needed.ports(port).isEmpty
            if let up = declared.linkUp ?? (isNeeded ? true : nil) {
                append(&links, try Change.leading(to: .link(pf, port: port, up: up), on: host))
            }
        }
        return (mtus, links)
    }

    /// Existing VFs are compared with the declaration. The changes of VFs that are still to be created are planned by the
    /// addresses that SR-IOV will give them.
    ///
    /// A claimed VF keeps the settings and the driver of its claim. A VF in quarantine stays unchanged.
    private static func vfChanges(
        for declaration: PFDeclaration, sriov: SRIOV, pf: PCIAddress, on host: HostSnapshot, _ holdings: Holdings
    ) throws(Refusal) -> [Change] {
        guard sriov.vfCount == declaration.vfCount else { return foretold(for: declaration, sriov: sriov, pf: pf) }
        var changes: [Change] = []
        for (index, address) in sriov.virtualFunctions.enumerated()
        where holdings.claims[address] == nil && holdings.quarantine[address] == nil {
            guard let vf = host[address] else { continue }
            var own: [Change] = []
            // A setting that was declared before, and is no longer, returns to the value that a new VF has.
            let before = holdings.declared[pf]?.settings(ofVF: index) ?? VFSettings()
            let settings = declaration.settings(ofVF: index).filled(from: VFSettings.untouched.restoring(before))
            if !settings.isEmpty {
                let virtual = VirtualFunction(physicalFunction: pf, index: index)
                append(&own, try Change.leading(to: .vfSettings(virtual, settings), on: host))
            }
            let drivers = try driverChanges(
                for: declaration, before: holdings.declared[pf]?.msixCount(ofVF: index), ofVF: index, vf, on: host)
            own += drivers
            if !own.isEmpty { try holdings.refuseIfHeld(vf) }
            if !drivers.isEmpty { try holdings.refuseIfUsedByHost(vf) }
            changes += own
        }
        return changes
    }

    /// The changes of a VF's driver and its interrupt vectors. Vectors can be changed only while it has no driver.
    ///
    /// - Parameter before: the number of vectors that was declared before.
    private static func driverChanges(
        for declaration: PFDeclaration, before: Int?, ofVF index: Int, _ vf: Function, on host: HostSnapshot
    ) throws(Refusal) -> [Change] {
        let address = vf.address
        let wanted = declaration.driver(ofVF: index)
        let count = declaration.msixCount(ofVF: index)
        guard count.map({ $0 != vf.vfMSIXCount }) ?? (before != nil) else {
            guard let wanted, vf.driver != wanted else { return [] }
            var changes: [Change] = []
            append(
                &changes, try Change.leading(to: .binding(address, driver: wanted, driverOverride: wanted), on: host))
            return changes
        }
        let now = Aspect.binding(address, driver: vf.driver, driverOverride: vf.driverOverride)
        let free = Aspect.binding(address, driver: nil, driverOverride: vf.driverOverride)
        let then = Aspect.binding(
            address, driver: wanted ?? vf.driver, driverOverride: wanted ?? vf.driverOverride)
        let path: [(Aspect, Aspect)] = [
            (now, free), (.msixCount(address, vf.vfMSIXCount), .msixCount(address, count)), (free, then),
        ]
        return path.compactMap { from, to in
            from == to ? nil : Change(from: from, to: to)
        }
    }

    /// Settings come before drivers: some PFs reset a VF when its MAC address is set.
    private static func foretold(for declaration: PFDeclaration, sriov: SRIOV, pf: PCIAddress) -> [Change] {
        var changes: [Change] = []
        func add(_ from: Aspect, _ to: Aspect) {
            changes.append(Change(from: from, to: to))
        }
        for index in 0..<declaration.vfCount {
            let settings = declaration.settings(ofVF: index)
            if !settings.isEmpty {
                let virtual = VirtualFunction(physicalFunction: pf, index: index)
                add(.vfSettings(virtual, VFSettings()), .vfSettings(virtual, settings))
            }
            // With autoprobe on, a host driver binds first; which one is known only once the VF exists.
            guard !declaration.driversAutoprobe, let address = sriov.address(ofVF: index, physicalFunction: pf) else {
                continue
            }
            if let count = declaration.msixCount(ofVF: index) {
                add(.msixCount(address, nil), .msixCount(address, count))
            }
            guard let driver = declaration.driver(ofVF: index) else { continue }
            add(
                .binding(address, driver: nil, driverOverride: nil),
                .binding(address, driver: driver, driverOverride: driver))
        }
        return changes
    }

    private static func restoration(
        of function: Function, to original: PFOriginal, on host: HostSnapshot, _ holdings: Holdings,
        _ blast: inout BlastRadius
    ) throws(Refusal) -> [Change] {
        var changes: [Change] = []
        let pf = function.address
        let cut = Aspect.virtualFunctions(pf, count: original.vfCount, driversAutoprobe: original.driversAutoprobe)
        if let change = try Change.leading(to: cut, on: host) {
            if let sriov = function.sriov, sriov.vfCount != original.vfCount {
                try refuseOrCount(theVFsOf: sriov, on: host, holdings, &blast)
            }
            changes.append(change)
        }
        for state in original.states(fitting: function) {
            if let mtu = state.mtu {
                append(&changes, try Change.leading(to: .mtu(pf, port: state.port, octets: mtu), on: host))
            }
            append(&changes, try Change.leading(to: .link(pf, port: state.port, up: state.linkUp), on: host))
        }
        return changes
    }

    /// Adds the PF's VFs to the blast radius, or refuses if one of them is held.
    private static func refuseOrCount(
        theVFsOf sriov: SRIOV, on host: HostSnapshot, _ holdings: Holdings, _ blast: inout BlastRadius
    ) throws(Refusal) {
        for address in sriov.virtualFunctions {
            guard let vf = host[address] else { continue }
            try holdings.refuseIfHeld(vf)
            if let use = holdings.fileUse(of: vf) { throw use }
            blast.functions.append(address)
            blast.interfaces += vf.interfaces.map(\.name)
            if vf.hasInterfaceElsewhere { blast.elsewhere.append(address) }
        }
    }

    /// Refuses while a guest has one of the VFs: it would lose its link, and perhaps more, when the PF is reset.
    private static func refuseIfOpen(
        theVFsOf sriov: SRIOV, on host: HostSnapshot, _ holdings: Holdings
    ) throws(Refusal) {
        for address in sriov.virtualFunctions {
            guard let group = host[address]?.iommuGroup, let holder = holdings.openGroups[group] else { continue }
            throw .function(address, .heldByProcess(holder))
        }
    }

    private static func append(_ changes: inout [Change], _ change: Change?) {
        if let change { changes.append(change) }
    }
}

extension Plan {
    fileprivate mutating func add(_ other: Plan) {
        perPF += other.perPF
        blastRadius.functions += other.blastRadius.functions
        blastRadius.interfaces += other.blastRadius.interfaces
        blastRadius.elsewhere += other.blastRadius.elsewhere
    }

    fileprivate mutating func append(_ changes: [Change], to pf: PCIAddress, purpose: PFPlan.Purpose) {
        guard !changes.isEmpty else { return }
        perPF.append(PFPlan(physicalFunction: pf, purpose: purpose, changes: changes))
    }
}

extension SRIOV {
    /// The address that a VF has or will have: the PF's routing id, plus offset, plus index times stride.
    ///
    /// nil if the PF does not report offset and stride, or the id is outside the PF's domain.
    /// Source: PCI Express Base Specification, 9.2.1.2 (VF routing ids).
    public func address(ofVF index: Int, physicalFunction: PCIAddress) -> PCIAddress? {
        guard let offset, let stride else { return nil }
        let base = Int(physicalFunction.bus) << 8 | Int(physicalFunction.device) << 3 | Int(physicalFunction.function)
        let routingID = base + offset + index * stride
        guard (0...0xffff).contains(routingID) else { return nil }
        return PCIAddress(
            domain: physicalFunction.domain, bus: UInt8(routingID >> 8), device: UInt8(routingID >> 3 & 31),
            function: UInt8(routingID & 7))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Machine {
    /// Performs an action by the kernel's rules.
    ///
    /// Source: drivers/pci/iov.c, drivers/pci/pci-driver.c and drivers/base/bus.c of Linux 6.12.
    mutating func perform(_ action: HostAction) throws(KernelError) {
        switch action {
        case .setDriversAutoprobe(let pf, let on):
            guard try device(pf).sriov != nil else { throw KernelError(name: "ENOENT", reason: "no SR-IOV") }
            devices[pf]?.sriov?.autoprobe = on
        case .setVFCount(let pf, let count): try setVFCount(pf, count)
        case .setLink(let pf, let port, let up):
            for index in try ports(port, of: pf) {
                if index < 0 { devices[pf]?.isUp = up } else { devices[pf]?.others[index].isUp = up }
            }
        case .setMTU(let pf, let port, let octets):
            let ports = try ports(port, of: pf)
            guard (68...9216).contains(octets) else { throw KernelError(name: "EINVAL", reason: "MTU out of range") }
            for index in ports {
                if index < 0 { devices[pf]?.mtu = octets } else { devices[pf]?.others[index].mtu = octets }
            }
        case .setVFSettings(let virtual, let settings): try set(settings, on: virtual)
        case .setMSIXCount(let address, let count): try setMSIXCount(address, count)
        case .setDriverOverride(let address, let driver):
            _ = try device(address)
            devices[address]?.override = driver
        case .unbindDriver(let address): try unbind(address)
        case .probeDriver(let address): try probe(address)
        case .reset(let address):
            guard try !device(address).resetMethods.isEmpty else {
                throw KernelError(name: "ENOENT", reason: "no way to reset")
            }
            devices[address]?.resets += 1
        }
    }

    private func device(_ address: PCIAddress) throws(KernelError) -> Device {
        guard let device = devices[address] else { throw KernelError(name: "ENODEV", reason: "no \(address)") }
        return device
    }

    /// The places of a PF's ports among its other interfaces; -1 for the first interface.
    private func ports(_ id: PortID?, of pf: PCIAddress) throws(KernelError) -> [Int] {
        guard try device(pf).hasInterface, let interfaces = function(at: pf)?.interfaces else {
            throw KernelError(name: "ENODEV", reason: "no interface")
        }
        return interfaces.ports(id).compactMap(\.index).map { $0 - 3 }
    }

    private mutating func setVFCount(_ pf: PCIAddress, _ count: Int) throws(KernelError) {
        let device = try device(pf)
        guard let sriov = device.sriov else { throw KernelError(name: "ENOENT", reason: "no SR-IOV") }
        guard (0...sriov.totalVFs).contains(count) else { throw KernelError(name: "ERANGE", reason: "too many VFs") }
        if count == sriov.vfCount { return }
        guard device.driver != nil, device.driver == device.nativeDriver else {
            throw KernelError(name: "ENOENT", reason: "the driver cannot make VFs")
        }
        if count == 0 {
            try removeVFs(of: pf)
        } else {
            guard sriov.vfCount == 0 else {
                throw KernelError(name: "EBUSY", reason: "\(sriov.vfCount) VFs are enabled already")
            }
            devices[pf]?.sriov?.vfCount = count
            if sriov.vfsAppearAfter > 0 {
                devices[pf]?.sriov?.waitsLeft = sriov.vfsAppearAfter
            } else {
                makeVFs(of: pf)
            }
        }
    }

    mutating func makeVFs(of pf: PCIAddress) {
        guard let physical = devices[pf], var sriov = physical.sriov else { return }
        sriov.waitsLeft = nil
        let shared = sriov.vfGroups == .shared ? takeGroup() : nil
        let routingID = Int(pf.bus) << 8 | Int(pf.device) << 3 | Int(pf.function)
        for index in 0..<sriov.vfCount {
            let id = routingID + sriov.offset + index * sriov.stride
            guard
                let address = PCIAddress(
                    domain: pf.domain, bus: UInt8(id >> 8), device: UInt8(id >> 3 & 31), function: UInt8(id & 7))
            else { continue }
            var vf = Device(
                address: address, identity: Identity(vendor: 0x8086, device: 0x10ca, classCode: 0x020000),
                numaNode: physical.numaNode, nativeDriver: sriov.vfDriver)
            if !sriov.autoprobe { vf.driver = nil }
            if index != sriov.vfWithoutInterface { vf.interface = sriov.vfDriver.map { _ in "vf\(pf.bus)-\(index)" } }
            if sriov.msixTotal > 0 { vf.msixCount = sriov.msixOwn }
            vf.relation = VirtualFunction(physicalFunction: pf, index: index)
            vf.group = shared ?? takeGroup()
            devices[address] = vf
            sriov.vfs.append(address)
            sriov.settings.append(
                VFSettings(
                    mac: MACAddress(rawValue: 0), vlan: VFSettings.VLANChoice.none, trust: false, spoofCheck: true,
                    linkState: .auto, minTxRateMbps: 0, maxTxRateMbps: 0))
        }
        devices[pf]?.sriov = sriov
    }

    /// The kernel waits while a VF is open. Here it is an error: nothing would close it.
    private mutating func removeVFs(of pf: PCIAddress) throws(KernelError) {
        let vfs = devices[pf]?.sriov?.vfs ?? []
        for vf in vfs { try refuseIfOpen(vf) }
        for vf in vfs { devices[vf] = nil }
        devices[pf]?.sriov?.vfs = []
        devices[pf]?.sriov?.settings = []
        devices[pf]?.sriov?.vfCount = 0
        devices[pf]?.sriov?.waitsLeft = nil
    }

    private func refuseIfOpen(_ address: PCIAddress) throws(KernelError) {
        guard let device = devices[address], device.isOnVFIO else { return }
        guard let holder = openGroups[device.group] else { return }
        throw KernelError(name: "EBUSY", reason: "would wait for \(holder), which has \(address) open")
    }

    private mutating func setMSIXCount(_ address: PCIAddress, _ count: Int?) throws(KernelError) {
        let device = try device(address)
        guard let relation = device.relation, let sriov = devices[relation.physicalFunction]?.sriov else {
            throw KernelError(name: "ENOENT", reason: "no VF")
        }
        guard sriov.msixTotal > 0 else { throw KernelError(name: "EOPNOTSUPP", reason: "vectors are not shared out") }
        guard device.driver == nil else { throw KernelError(name: "EBUSY", reason: "the VF has a driver") }
        let others = sriov.vfs.filter { $0 != address }.reduce(0) { $0 + (devices[$1]?.msixCount ?? 0) }
        let wanted = count ?? sriov.msixOwn
        guard others + wanted <= sriov.msixTotal else { throw KernelError(name: "ENOSPC", reason: "vectors used up") }
        devices[address]?.msixCount = wanted
    }

    private mutating func set(_ settings: VFSettings, on virtual: VirtualFunction) throws(KernelError) {
        let device = try device(virtual.physicalFunction)
        guard device.hasInterface, let sriov = device.sriov else {
            throw KernelError(name: "ENODEV", reason: "the PF has no interface")
        }
        guard sriov.settings.indices.contains(virtual.index) else {
            throw KernelError(name: "EINVAL", reason: "no VF \(virtual.index)")
        }
        let now = sriov.settings[virtual.index]
        let asked = settings.difference(from: now)
        if asked.mac?.isMulticast == true { throw KernelError(name: "EINVAL", reason: "multicast address") }
        guard sriov.refusing.isDisjoint(with: asked.named) else {
            throw KernelError(name: "EOPNOTSUPP", reason: "the PF's driver does not do that")
        }
        devices[virtual.physicalFunction]?.sriov?.settings[virtual.index] = asked.filled(from: now)
    }

    private mutating func unbind(_ address: PCIAddress) throws(KernelError) {
        guard try device(address).driver != nil else { throw KernelError(name: "ENODEV", reason: "no driver") }
        try refuseIfOpen(address)
        // When a PF's driver unbinds, its VFs vanish.
        if devices[address]?.sriov != nil { try removeVFs(of: address) }
        devices[address]?.driver = nil
        devices[address]?.isElsewhere = false
    }

    private mutating func probe(_ address: PCIAddress) throws(KernelError) {
        let device = try device(address)
        guard device.driver == nil else { return }
        if let physical = device.relation?.physicalFunction, device.override == nil,
            devices[physical]?.sriov?.autoprobe == false
        {
            return
        }
        if let override = device.override {
            guard drivers.contains(override) || override == device.nativeDriver else { return }
            // vfio-pci refuses a device without a group.
            if VFIO.isVFIODriver(override), !hasIOMMU { return }
            devices[address]?.driver = override
        } else {
            devices[address]?.driver = device.nativeDriver
        }
    }

    /// By group of this boot: the process that has it open.
    var openGroups: [Int: ProcessHolder] {
        var groups: [Int: ProcessHolder] = [:]
        for (address, holder) in holders {
            if let group = devices[address]?.group { groups[group] = holder }
        }
        return groups
    }
}

extension VFSettings {
    /// Refuses settings as the PF's driver would.
    fileprivate var named: Set<HostBuilder.Setting> {
        var names: Set<HostBuilder.Setting> = []
        if let mac { names.formUnion(mac.isZero ? [.mac, .zeroMAC] : [.mac]) }
        if vlan != nil { names.insert(.vlan) }
        if case .tag(let tag)? = vlan, tag.protocol == .dot1ad { names.insert(.providerVLAN) }
        if trust != nil { names.insert(.trust) }
        if spoofCheck != nil { names.insert(.spoofCheck) }
        if linkState != nil { names.insert(.linkState) }
        if minTxRateMbps != nil || maxTxRateMbps != nil { names.insert(.rate) }
        return names
    }
}

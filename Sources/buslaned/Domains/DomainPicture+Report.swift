// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel

extension DomainPicture {
    /// What is told of the domain.
    ///
    /// - Parameters:
    ///   - drivers: what the functions are bound to now.
    ///   - nodes: the host's.
    func report(
        drivers: [PCIAddress: String], nodes: [NUMANode], lastRefusal: DomainReport.Refusal? = nil
    ) -> DomainReport {
        var wishes: [DomainReport.Request.Wish] = []
        var request: DomainReport.Request?
        var problem: String?
        do {
            if let asked = try main?.request {
                wishes = asked.devices.map { .init(name: $0.name, pool: $0.pool) }
                request = .init(binding: asked.binding.rawValue, numa: asked.numa, devices: wishes)
            }
        } catch {
            problem = "\(error)"
        }
        let known = deviceNames
        let names = known + wishes.map(\.name).filter { !known.contains($0) }
        let alignments = alignments(on: nodes)
        return DomainReport(
            name: name, uuid: uuid, state: state.rawValue, persistent: config != nil, request: request,
            requestProblem: problem,
            devices: names.map { device($0, pool: wishes.first(named: $0)?.pool, drivers, alignments[$0]) },
            freeHotplugPorts: live?.freeHotplugPorts, migration: migration(drivers), lastRefusal: lastRefusal)
    }

    private func device(
        _ name: String, pool: String?, _ drivers: [PCIAddress: String], _ alignment: DomainReport.Alignment?
    ) -> DomainReport.Device {
        var device = DomainReport.Device(name: name)
        let claim = claim(of: name)
        let assignment = claim?.assignments.first { $0.name == name }
        let present = running(name) ?? persistent(name)
        device.address = assignment?.address ?? present?.address
        device.claim = claim?.id
        device.state = claim?.state.rawValue
        device.pool = claim?.pool ?? pool
        device.numaNode = assignment?.numaNode
        device.mac = assignment?.settings.mac ?? present?.mac
        switch assignment?.settings.vlan {
        case .tag(let tag)?: device.vlan = tag.description
        default: device.vlan = present?.vlan?.description
        }
        device.driver = device.address.flatMap { drivers[$0] }
        func presence(in document: Domain?, _ there: InjectedDevice?) -> String? {
            guard document != nil else { return nil }
            guard let there else { return "absent" }
            return there.address == assignment?.address ? "present" : "differs"
        }
        device.persistentXML = presence(in: config, persistent(name))
        device.runningXML = presence(in: live, running(name))
        device.change = changes.first { $0.device == name }?.kind.rawValue
        device.alignment = alignment
        return device
    }

    /// Whether libvirt would migrate the guest as it runs, or would run; and what to do before it is migrated or saved.
    ///
    /// Saving is another matter with a pair: libvirt pauses the guest first, and QEMU then waits without end for it to
    /// give the VF up. Source: qemuDomainSaveInternal, qemu_driver.c; qemu_savevm_wait_unplug, migration.c.
    func migration(_ drivers: [PCIAddress: String]) -> DomainReport.Migration {
        guard let document = live ?? config else { return .init(possible: "yes", reasons: [], remedy: nil) }
        var reasons: [String] = []
        var isPlain = false
        var isUnknown = false
        for device in document.injected {
            if device.failover != nil {
                reasons.append("\(device.name) has a virtio half, with which the guest goes on meanwhile")
            } else if let driver = drivers[device.address], VFIO.isVFIODriver(driver),
                driver != VFIO.genericDriver
            {
                isUnknown = true
                reasons.append(
                    "\(device.name) is on \(driver), which moves a device's state if card, QEMU and target can")
            } else {
                isPlain = true
                reasons.append("\(device.name) (\(device.address)) is passed through: its state is in the card")
            }
        }
        let foreign = document.foreign
        reasons += foreign.map { "\($0.address) is passed through by hand: \($0.label)" }
        if isPlain || !foreign.isEmpty {
            if let device = document.injected.first(where: \.sharesSlot) {
                reasons.append("\(device.name) shares a slot, out of which libvirt takes nothing while the guest runs")
                return .init(
                    possible: "no", reasons: reasons, remedy: "shut it down here, and start it on the other host")
            }
            let evict = "buslane domain evict \(name), migrate, then buslane domain readmit \(name) there"
            let byHand = "take out what Buslane did not put in: virsh detach-device \(name) FILE"
            let remedies = (foreign.isEmpty ? [] : [byHand]) + (isPlain ? [evict] : [])
            return .init(possible: "no", reasons: reasons, remedy: remedies.joined(separator: "; "))
        }
        let hasPair = document.injected.contains { $0.failover != nil }
        return .init(
            possible: isUnknown ? "unknown" : "yes", reasons: reasons,
            remedy: hasPair ? "before virsh save, which would wait without end: buslane domain evict \(name)" : nil)
    }
}

extension [DomainReport.Request.Wish] {
    fileprivate func first(named name: String) -> DomainReport.Request.Wish? { first { $0.name == name } }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Groups that contain several functions, if one of them could be useful to a guest, and functions without a group.
///
/// Only for a host with an IOMMU.
struct GroupCheck {
    let host: HostSnapshot

    var findings: [Finding] { host.iommuGroups.compactMap(shared) + outsiders() }

    /// A group with one endpoint is viable once that endpoint is unbound. A group with several needs an explanation.
    private func shared(_ group: IOMMUGroup) -> Finding? {
        let endpoints = group.functions.compactMap { host[$0] }.filter { !$0.isBridge }
        guard endpoints.count > 1, endpoints.contains(where: \.isWorthTaking) else { return nil }
        let subject = "group \(group.id)"
        let blockers = host.blockers(of: group)
        let members = endpoints.map { "\($0.address) (\($0.driver ?? "no driver"))" }.listed
        if Set(endpoints.map(\.card)).count == 1 {
            return Finding(
                .advice, "group-is-one-card", subject: subject, "\(subject) is one card: \(members)",
                why: "its functions are not isolated from each other: only one guest can have them, all together",
                remedy: handOver(blockers, endpoints))
        }
        if endpoints.contains(where: { endpoints.map(\.address).contains($0.virtualFunction?.physicalFunction) }) {
            return Finding(
                .warning, "group-holds-pf-and-vfs", subject: subject,
                "\(subject) contains a PF together with its VFs: \(members)",
                why: "neither the card nor the ports above it have ACS, so no guest can have a VF while the host uses "
                    + "the PF",
                remedy:
                    "enable ACS (and ARI) in the firmware setup, or move the card to a slot that is connected to the processor"
            )
        }
        guard !blockers.isEmpty else {
            return Finding(
                .advice, "group-shared", subject: subject,
                "\(subject) contains \(endpoints.count) functions of several cards: \(members)",
                why: "no port above them isolates them (no ACS): only one owner can have them, all together",
                remedy: "give all of them to one guest, or move one card to another slot")
        }
        return Finding(
            .warning, "group-not-viable", subject: subject,
            "\(subject) is not viable: \(blockers.map { "\($0.address) is \($0.reason)" }.listed)",
            why:
                "no port above its \(endpoints.count) functions isolates them (no ACS): a guest can have one only when all "
                + "are unbound from their host drivers",
            remedy: "move the card that you need to another slot, or, " + handOver(blockers, endpoints))
    }

    private func handOver(_ blockers: [IOMMUGroup.Blocker], _ endpoints: [Function]) -> String {
        guard !blockers.isEmpty else {
            return "allocate all \(endpoints.count) of them to one owner"
        }
        let nodes = blockers.map { "virsh nodedev-detach pci_\($0.address.nodeName)" }
        return "if the host does not need them: " + nodes.prefix(3).joined(separator: " && ")
            + (nodes.count > 3 ? " && … (\(nodes.count) in all)" : "")
    }

    /// Functions without a group on a host that has an IOMMU.
    private func outsiders() -> [Finding] {
        let outside = host.functions.filter { $0.iommuGroup == nil && $0.isWorthTaking }
        guard !outside.isEmpty else { return [] }
        return [
            Finding(
                .advice, "function-without-group", subject: outside.count == 1 ? "\(outside[0].address)" : "host",
                "\(outside.map(\.address).listed) \(outside.count == 1 ? "is" : "are") in no IOMMU group",
                why: "no IOMMU unit covers such a function, so it cannot be passed through",
                remedy: "use other functions, or check why no unit covers it: journalctl -k -g 'DMAR|AMD-Vi|iommu'")
        ]
    }
}

extension Function {
    /// Whether guests commonly get such a function: network, display, NVMe, accelerators.
    fileprivate var isWorthTaking: Bool {
        switch identity.baseClass {
        case 0x02, 0x03, 0x0b, 0x10, 0x12: true
        default: identity.subclass == 0x0108 || sriov != nil || virtualFunction != nil
        }
    }

    /// Identifies the card: functions of one device are on one card, and all VFs of a bus on their PF's.
    fileprivate var card: [UInt32] {
        guard virtualFunction == nil else { return [address.domain, UInt32(address.bus), .max] }
        return [address.domain, UInt32(address.bus), UInt32(address.device)]
    }
}

extension PCIAddress {
    /// The address in the name of a libvirt node device: `0000_3b_00_0`.
    fileprivate var nodeName: String { String(description.map { $0 == ":" || $0 == "." ? "_" : $0 }) }
}

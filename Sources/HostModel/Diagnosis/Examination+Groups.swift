// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// What the IOMMU cannot tell apart, where someone may want a part of it.
    func groups() -> [Finding] {
        guard hasIOMMU else { return [] }
        return host.iommuGroups.compactMap(shared) + outsiders()
    }

    /// A group of one endpoint becomes viable as soon as that one is taken. One of several is worth words.
    private func shared(_ group: IOMMUGroup) -> Finding? {
        let endpoints = group.functions.compactMap { host[$0] }.filter { !$0.isBridge }
        guard endpoints.count > 1, endpoints.contains(where: \.isWorthTaking) else { return nil }
        let subject = "group \(group.id)"
        let blockers = host.blockers(of: group)
        let members = list(endpoints.map { "\($0.address) (\($0.driver ?? "no driver"))" })
        if Set(endpoints.map(\.card)).count == 1 {
            return Finding(
                .advice, "group-is-one-card", subject: subject, "\(subject) is one card: \(members)",
                why: "its functions are not isolated from each other: they go to one guest, all together",
                remedy: handOver(blockers, endpoints))
        }
        if endpoints.contains(where: { endpoints.map(\.address).contains($0.virtualFunction?.physicalFunction) }) {
            return Finding(
                .warning, "group-holds-pf-and-vfs", subject: subject,
                "\(subject) holds a PF together with its VFs: \(members)",
                why: "neither the card nor the ports above it have ACS, so a VF cannot go to a guest while the host "
                    + "drives the PF",
                remedy:
                    "switch on ACS (and ARI) in the firmware setup, or move the card to a slot of the processor's own")
        }
        guard !blockers.isEmpty else {
            return Finding(
                .advice, "group-shared", subject: subject,
                "\(subject) holds \(endpoints.count) functions of several cards: \(members)",
                why: "nothing above them isolates them (no ACS): they go to one owner, all together",
                remedy: "give them to one guest, or move one card to another slot")
        }
        return Finding(
            .warning, "group-not-viable", subject: subject,
            "\(subject) is not viable: \(list(blockers.map { "\($0.address) is \($0.reason)" }))",
            why: "nothing above its \(endpoints.count) functions isolates them (no ACS): none goes to a guest before "
                + "all are off their host drivers",
            remedy: "move the card that you want to another slot, or, " + handOver(blockers, endpoints))
    }

    private func handOver(_ blockers: [IOMMUGroup.Blocker], _ endpoints: [Function]) -> String {
        guard !blockers.isEmpty else {
            return "give them to one guest: allocate \(endpoints.count) of them to one owner"
        }
        let nodes = blockers.map { "virsh nodedev-detach pci_\($0.address.nodeName)" }
        return "where the host can do without: " + nodes.prefix(3).joined(separator: " && ")
            + (nodes.count > 3 ? " && … (\(nodes.count) in all)" : "")
    }

    /// Functions that the IOMMU does not see, on a host that has one.
    private func outsiders() -> [Finding] {
        let outside = host.functions.filter { $0.iommuGroup == nil && $0.isWorthTaking }
        guard !outside.isEmpty else { return [] }
        return [
            Finding(
                .advice, "function-without-group", subject: outside.count == 1 ? "\(outside[0].address)" : "host",
                "\(list(outside.map(\.address))) \(outside.count == 1 ? "is" : "are") in no IOMMU group",
                why: "such a function cannot be passed through: no IOMMU unit covers it",
                remedy: "choose others; or look for its unit: journalctl -k -g 'DMAR|AMD-Vi|iommu'")
        ]
    }
}

extension Function {
    /// Network, display, NVMe, and what computes: the kinds of function that guests get.
    fileprivate var isWorthTaking: Bool {
        switch identity.baseClass {
        case 0x02, 0x03, 0x0b, 0x10, 0x12: true
        default: identity.classCode >> 8 == 0x0108 || sriov != nil || virtualFunction != nil
        }
    }

    /// Functions of one device on one bus sit on one piece of hardware; VFs belong to their PF's.
    fileprivate var card: [UInt32] {
        guard virtualFunction == nil else { return [address.domain, UInt32(address.bus), .max] }
        return [address.domain, UInt32(address.bus), UInt32(address.device)]
    }
}

extension PCIAddress {
    /// As libvirt names node devices: `0000_3b_00_0`.
    fileprivate var nodeName: String { String(description.map { $0 == ":" || $0 == "." ? "_" : $0 }) }
}

// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// Whether a guest is near one of its devices, as far as the domain's XML says where the guest is.
package struct DeviceAlignment: Hashable, Sendable {
    package enum Fit: String, Hashable, Sendable {
        case fits
        /// The XML leaves it open.
        case open
        case differs
    }

    /// nil where none of the guest's nodes has its memory on the device's: then no vCPU belongs to the device.
    package let vcpus: Fit?
    package let memory: Fit
    /// Whether the guest sees the device on the node of its own that is on the device's; nil for a guest without nodes,
    /// for a machine that cannot show them, and for a device that is not in the XML.
    package let guestNode: Fit?
    /// What does not fit, or is not sure to.
    package let problems: [Misalignment]
}

extension DeviceAlignment {
    /// - Parameters:
    ///   - devices: all whose node is known: vCPUs near one of them are not far from another.
    ///   - nodes: the host's. On a host with one node, nothing is left open.
    /// - Throws: ``DomainXMLError`` that names the element which says where the guest is.
    package init(
        of device: DeviceNode, among devices: [DeviceNode], in domain: Domain, on nodes: [NUMANode]
    ) throws(DomainXMLError) {
        let placement = try domain.placement
        // A problem of all devices is reported for the first.
        let problems = placement.misalignments(of: [device] + devices.filter { $0 != device }, on: nodes).filter {
            $0.device == device && ($0.isConflict || nodes.count > 1)
        }
        let ofCPUs = problems.filter { !$0.part.isMemory }
        let ofMemory = problems.filter(\.part.isMemory)
        // One of the guest's nodes is enough: a node that is open can be on the device's.
        let memory: Fit = ofMemory.isEmpty ? .fits : ofMemory.allSatisfy(\.isConflict) ? .differs : .open
        let vcpus: Fit = ofCPUs.isEmpty ? .fits : ofCPUs.contains(where: \.isConflict) ? .differs : .open
        let areVCPUsKnown = placement.cells.isEmpty || memory == .fits
        let sight =
            placement.cells.isEmpty
            ? nil
            : GuestNodes(of: domain).sight(
                ofDevice: device.name, on: HostNodes(nodes).memoryNode(near: device.node) ?? device.node)
        self.vcpus = areVCPUsKnown ? vcpus : nil
        self.memory = memory
        guestNode = sight.map { Fit($0) }
        self.problems = problems
    }
}

extension DeviceAlignment.Fit {
    fileprivate init(_ sight: GuestNodes.Sight) {
        self =
            switch sight {
            case .matching: .fits
            case .different: .differs
            case .none: .open
            }
    }
}

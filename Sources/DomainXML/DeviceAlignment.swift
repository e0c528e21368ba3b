// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Whether a guest is near one of its devices, so far as the domain's XML says where it is.
public struct DeviceAlignment: Hashable, Sendable {
    public enum Fit: String, Hashable, Sendable {
        case fits
        /// The XML leaves it open.
        case open
        case differs
    }

    /// nil where none of the guest's nodes has its memory on the device's: which vCPUs are meant cannot be told.
    public let vcpus: Fit?
    public let memory: Fit
    /// Whether the guest sees the device on the node of its own that is on the device's; nil for a guest without nodes,
    /// for a machine that cannot tell them, and for a device that is not in the XML.
    public let guestNode: Fit?
    /// What does not fit, or is not sure to.
    public let problems: [Misalignment]
}

extension Domain {
    /// - Parameters:
    ///   - devices: all whose node is known: vCPUs near one of them are not far from another.
    ///   - nodes: the host's. Where there is but one, nothing is left open.
    /// - Throws: ``DomainXMLError`` that names the element which says where the guest is.
    public func alignment(
        of device: DeviceNode, among devices: [DeviceNode], on nodes: [NUMANode]
    ) throws(DomainXMLError) -> DeviceAlignment {
        let placement = try placement
        // What is about all of them is told of the first.
        let problems = placement.misalignments(of: [device] + devices.filter { $0 != device }, on: nodes).filter {
            $0.device == device && ($0.isConflict || nodes.count > 1)
        }
        let ofCPUs = problems.filter { !$0.part.isMemory }
        let ofMemory = problems.filter(\.part.isMemory)
        // One of the guest's nodes is enough: where one is free to go there, nothing contradicts.
        let memory: DeviceAlignment.Fit =
            ofMemory.isEmpty ? .fits : ofMemory.allSatisfy(\.isConflict) ? .differs : .open
        let vcpus: DeviceAlignment.Fit =
            ofCPUs.isEmpty ? .fits : ofCPUs.contains(where: \.isConflict) ? .differs : .open
        let isTold = placement.cells.isEmpty || memory == .fits
        return DeviceAlignment(
            vcpus: isTold ? vcpus : nil, memory: memory,
            guestNode: placement.cells.isEmpty ? nil : guestNode(of: device), problems: problems)
    }

    private func guestNode(of device: DeviceNode) -> DeviceAlignment.Fit? {
        let buses = GuestBuses(document.root)
        guard buses.kind == .express, let present = passthrough(named: device.name) else { return nil }
        guard let expander = GuestAddress(of: present.element).flatMap({ buses.expander(above: $0.bus) }) else {
            return .open
        }
        return expanders[device.node] == expander ? .fits : .differs
    }
}

extension GuestBuses {
    /// The index of the expander bus that leads to a bus; nil when that is reached from the root bus alone.
    func expander(above bus: Int) -> Int? {
        var bus = bus
        var seen: Set<Int> = [0]
        while seen.insert(bus).inserted, let controller = controllers[bus] {
            if controller["model"] == "pcie-expander-bus" { return bus }
            guard let place = GuestAddress(of: controller) else { return nil }
            bus = place.bus
        }
        return nil
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension Domain {
    /// Where a guest with nodes sees a device, compared with the host's node of its function.
    public enum NodeSeen: Hashable, Sendable {
        /// On the node of its own that stands for the host's.
        case matching
        case different
        /// Behind no expander bus: on no node.
        case none
    }

    /// Where the guest sees a device that Buslane added.
    ///
    /// - Parameter node: the host's node of the function.
    /// - Returns: nil for a device that is not there, and for a machine without PCI Express, which has no expander bus.
    public func nodeSeen(ofDevice name: String, on node: Int) -> NodeSeen? {
        let buses = GuestBuses(document.root)
        guard buses.kind == .express, let present = passthrough(named: name) else { return nil }
        guard let expander = GuestAddress(of: present.element).flatMap({ buses.expander(above: $0.bus) }) else {
            return NodeSeen.none
        }
        return expanders[node] == expander ? .matching : .different
    }

    /// For each of the host's nodes that one of the guest's stands for, the index of its expander bus.
    var expanders: [Int: Int] {
        guard let placement = try? placement else { return [:] }
        var nodes: [Int: Int] = [:]
        for cell in placement.cells { nodes[cell.id] = placement.nodes(of: cell)?.single }
        var found: [Int: Int] = [:]
        for (index, controller) in GuestBuses(document.root).controllers.sorted(by: { $0.key < $1.key }) {
            guard let cell = controller.expanderCell, let node = nodes[cell], found[node] == nil else { continue }
            found[node] = index
        }
        return found
    }
}

extension XMLElement {
    /// The guest's node that an expander bus is on.
    var expanderCell: Int? {
        guard self["model"] == "pcie-expander-bus" else { return nil }
        return first("target")?.first("node").flatMap { Int($0.text.filter { !$0.isWhitespace }) }
    }
}

extension GuestBuses {
    /// The index of the expander bus that a bus is behind; nil for a bus behind none.
    fileprivate func expander(above bus: Int) -> Int? {
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

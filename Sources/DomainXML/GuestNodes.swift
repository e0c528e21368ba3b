// SPDX-License-Identifier: GPL-3.0-or-later

/// The host's nodes that a guest sees: nodes of its own stand for them, and expander buses show which devices are there.
public struct GuestNodes {
    /// Where a guest with nodes sees a device, compared with the host's node of its function.
    public enum Sight: Hashable, Sendable {
        /// On the node of its own that stands for the host's.
        case matching
        case different
        /// Behind no expander bus: on no node.
        case none
    }

    /// For each of the host's nodes that one of the guest's stands for, the index of its expander bus.
    let expanders: [Int: Int]
    private let domain: Domain
    private let buses: GuestBuses

    public init(of domain: Domain) {
        let buses = GuestBuses(domain.document.root)
        self.domain = domain
        self.buses = buses
        expanders = (try? domain.placement).map { Self.expanders(on: buses, $0) } ?? [:]
    }

    /// Where the guest sees a device that Buslane added.
    ///
    /// - Parameter node: the host's node of the function.
    /// - Returns: nil for a device that is not there, and for a machine without PCI Express, which has no expander bus.
    public func sight(ofDevice name: String, on node: Int) -> Sight? {
        guard buses.kind == .express, let present = domain.passthrough(named: name) else { return nil }
        guard let expander = GuestAddress(of: present.element).flatMap({ buses.expander(above: $0.bus) }) else {
            return Sight.none
        }
        return expanders[node] == expander ? .matching : .different
    }

    private static func expanders(on buses: GuestBuses, _ placement: DomainPlacement) -> [Int: Int] {
        var nodes: [Int: Int] = [:]
        for cell in placement.cells { nodes[cell.id] = placement.nodes(of: cell)?.single }
        var found: [Int: Int] = [:]
        for (index, controller) in buses.controllers.sorted(by: { $0.key < $1.key }) {
            guard let cell = controller.expanderCell, let node = nodes[cell], found[node] == nil else { continue }
            found[node] = index
        }
        return found
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// How near the host's NUMA nodes are to each other.
package struct NUMADistances {
    private let nodes: [NUMANode]

    package init(between nodes: [NUMANode]) { self.nodes = nodes }

    /// The kernel's relative distance. An unknown node is farther than every known one.
    func distance(from node: Int, to other: Int?) -> Int {
        guard let other else { return .max }
        if other == node { return 0 }
        return known(from: node, to: other) ?? .max - 1
    }

    /// The node and all nodes on its socket. By the processor's package: firmware often gives the nodes of one socket and
    /// those of another the same distance, or made-up ones.
    func socket(of node: Int) -> [Int] {
        let packages = nodes.first { $0.id == node }?.packages ?? []
        return [node]
            + nodes.filter { $0.id != node && $0.packages?.contains(where: packages.contains) == true }.map(\.id)
    }

    /// The node itself if it is one of these, else the nearest of them, and of several the first.
    ///
    /// - Returns: nil for none, and if the kernel does not say which is nearest.
    package func nearest(to node: Int, where isWanted: (NUMANode) -> Bool) -> NUMANode? {
        let wanted = nodes.filter(isWanted)
        if let own = wanted.first(where: { $0.id == node }) { return own }
        // The only one needs no distance.
        if wanted.count == 1 { return wanted.first }
        let distances = wanted.compactMap { known(from: node, to: $0.id) }
        guard distances.count == wanted.count, let least = distances.min() else { return nil }
        return zip(wanted, distances).first { $0.1 == least }?.0
    }

    private func known(from node: Int, to other: Int) -> Int? {
        guard let distances = nodes.first(where: { $0.id == node })?.distances,
            let position = nodes.firstIndex(where: { $0.id == other }), distances.indices.contains(position)
        else { return nil }
        return distances[position]
    }
}

extension HostSnapshot {
    /// The node that a function is near: its own, or that of the whole host where only one node has CPUs.
    ///
    /// Firmware that describes one node often gives functions none (`numa_node` is -1). A kernel without NUMA knows no
    /// nodes: everything is on node 0, as libvirt sees it.
    public func node(of function: Function) -> Int? { function.numaNode ?? soleNode }

    /// The node of functions whose own is unknown; nil on a host with several.
    package var soleNode: Int? {
        if numaNodes.isEmpty { return functions.contains { $0.numaNode != nil } ? nil : 0 }
        let withCPUs = numaNodes.filter(\.hasCPUs)
        return withCPUs.count == 1 ? withCPUs[0].id : numaNodes.count == 1 ? numaNodes[0].id : nil
    }
}

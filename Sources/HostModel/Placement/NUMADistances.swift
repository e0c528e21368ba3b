// SPDX-License-Identifier: GPL-3.0-or-later

/// The kernel's relative distances between NUMA nodes.
struct NUMADistances {
    private let nodes: [NUMANode]

    /// Nodes at this distance or farther are on another socket. Source: `REMOTE_DISTANCE`, include/linux/topology.h;
    /// ACPI's SLIT.
    private static let remote = 20

    init(between nodes: [NUMANode]) { self.nodes = nodes }

    /// An unknown node is farther than every known one.
    func distance(from node: Int, to other: Int?) -> Int {
        guard let other else { return .max }
        if other == node { return 0 }
        guard let distances = nodes.first(where: { $0.id == node })?.distances,
            let position = nodes.firstIndex(where: { $0.id == other }), distances.indices.contains(position)
        else { return .max - 1 }
        return distances[position]
    }

    /// The node and all nodes on its socket.
    func socket(of node: Int) -> [Int] {
        [node] + nodes.map(\.id).filter { $0 != node && distance(from: node, to: $0) < Self.remote }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension Placement {
    /// Nodes at this distance or farther are on another socket. Source: `REMOTE_DISTANCE`, include/linux/topology.h;
    /// ACPI's SLIT.
    private static let remote = 20

    /// The kernel's relative distance. An unknown node is farther than every known one.
    static func distance(from node: Int, to other: Int?, _ nodes: [NUMANode]) -> Int {
        guard let other else { return .max }
        if other == node { return 0 }
        guard let distances = nodes.first(where: { $0.id == node })?.distances,
            let position = nodes.firstIndex(where: { $0.id == other }), distances.indices.contains(position)
        else { return .max - 1 }
        return distances[position]
    }

    /// The node and all nodes on its socket.
    static func socket(of node: Int, _ nodes: [NUMANode]) -> [Int] {
        [node] + nodes.map(\.id).filter { $0 != node && distance(from: node, to: $0, nodes) < remote }
    }

    /// How many of the functions are on each node, in node order.
    public static func supply(of free: [Function]) -> [PoolObstacle.NodeSupply] {
        Dictionary(grouping: free, by: \.numaNode)
            .map { PoolObstacle.NodeSupply(node: $0.key, free: $0.value.count) }
            .sorted { ($0.node ?? .max) < ($1.node ?? .max) }
    }
}

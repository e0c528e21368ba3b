// SPDX-License-Identifier: GPL-3.0-or-later

extension Placement {
    /// The functions a policy allows, the best first; ties in address order.
    static func rank(_ free: [Function], for request: ClaimRequest, nodes: [NUMANode]) -> [Function] {
        switch request.numa {
        case .none: free
        case .required(let node?): free.filter { $0.numaNode == node }
        case .required(nil): onOneNode(free, count: request.count) ?? []
        case .preferred(let node?): free.stableSorted { distance(from: node, to: $0.numaNode, nodes) }
        case .preferred(nil): onOneNode(free, count: request.count) ?? free
        }
    }

    /// The first node, in number order, with enough free functions; a function whose node is unknown is on none.
    private static func onOneNode(_ free: [Function], count: Int) -> [Function]? {
        Set(free.compactMap(\.numaNode)).sorted().lazy
            .map { node in free.filter { $0.numaNode == node } }
            .first { $0.count >= count }
    }

    /// The kernel's relative distance; unknown is farther than any.
    private static func distance(from node: Int, to other: Int?, _ nodes: [NUMANode]) -> Int {
        guard let other else { return .max }
        if other == node { return 0 }
        guard let distances = nodes.first(where: { $0.id == node })?.distances,
            let position = nodes.firstIndex(where: { $0.id == other }), distances.indices.contains(position)
        else { return .max - 1 }
        return distances[position]
    }

    /// How many of the functions are on each node.
    public static func supply(of free: [Function]) -> [Refusal.NodeSupply] {
        Dictionary(grouping: free, by: \.numaNode)
            .map { Refusal.NodeSupply(node: $0.key, free: $0.value.count) }
            .sorted { ($0.node ?? .max) < ($1.node ?? .max) }
    }
}

extension Array {
    /// Sorted by a key, equal keys in their present order.
    fileprivate func stableSorted(by key: (Element) -> Int) -> [Element] {
        enumerated().map { (key($1), $0, $1) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }
}

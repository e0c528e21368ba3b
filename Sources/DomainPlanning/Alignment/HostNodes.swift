// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

/// The CPUs and the memory that are near the host's nodes.
///
/// A node can lack either: a socket without DIMMs has no memory, a memory expander no CPUs. The nearest node that has
/// some stands in.
struct HostNodes {
    private let cpusByNode: [Int: NumberSet]
    private let nearCPUsByNode: [Int: NumberSet]
    private let memoryByNode: [Int: Int?]

    init(_ nodes: [NUMANode]) {
        let distances = NUMADistances(between: nodes)
        let cpusByNode = Dictionary(nodes.map { ($0.id, $0.cpus.flatMap { NumberSet(list: $0) } ?? NumberSet()) }) {
            first, _ in first
        }
        func byNode<Value>(_ value: (NUMANode) -> Value?) -> [Int: Value] {
            Dictionary(nodes.compactMap { node in value(node).map { (node.id, $0) } }) { first, _ in first }
        }
        self.cpusByNode = cpusByNode
        nearCPUsByNode = byNode { distances.nearest(to: $0.id, where: \.hasCPUs).flatMap { cpusByNode[$0.id] } }
        memoryByNode = byNode { .some(distances.nearest(to: $0.id, where: \.hasMemory)?.id) }
    }

    /// The node's CPUs, or those of the nearest node with CPUs. Empty where the kernel does not say which is nearest.
    func cpus(near node: Int) -> NumberSet { nearCPUsByNode[node] ?? NumberSet() }

    func cpus(near nodes: NumberSet) -> NumberSet {
        nodes.numbers.reduce(NumberSet()) { $0.union(cpus(near: $1)) }
    }

    /// The node itself if it has memory, else the nearest that has some; nil where the kernel does not say which is
    /// nearest.
    func memoryNode(near node: Int) -> Int? { memoryByNode[node] ?? node }

    func memoryNodes(near nodes: NumberSet) -> NumberSet { NumberSet(Set(nodes.numbers.compactMap(memoryNode(near:)))) }

    func nodes(of cpus: NumberSet) -> NumberSet {
        NumberSet(Set(cpusByNode.filter { !$0.value.isDisjoint(with: cpus) }.keys))
    }
}

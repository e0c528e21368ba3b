// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

/// The CPUs of the host's nodes.
struct HostNodes {
    private let cpusByNode: [Int: NumberSet]

    init(_ nodes: [NUMANode]) {
        cpusByNode = Dictionary(nodes.map { ($0.id, $0.cpus.flatMap { NumberSet(list: $0) } ?? NumberSet()) }) {
            first, _ in first
        }
    }

    func cpus(of node: Int) -> NumberSet { cpusByNode[node] ?? NumberSet() }

    func cpus(of nodes: NumberSet) -> NumberSet {
        nodes.numbers.reduce(NumberSet()) { $0.union(cpus(of: $1)) }
    }

    func nodes(of cpus: NumberSet) -> NumberSet {
        NumberSet(Set(cpusByNode.filter { !$0.value.isDisjoint(with: cpus) }.keys))
    }
}

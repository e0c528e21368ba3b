// SPDX-License-Identifier: GPL-3.0-or-later

extension Refusal {
    /// Whether the refusal is about an overlap of this pool with another.
    public func concerns(pool name: String) -> Bool {
        guard case .declaration(.poolsOverlap(let exclusive, let other, _)) = self else { return false }
        return name == exclusive || name == other
    }
}

extension DesiredState {
    /// Functions of an exclusive pool that another pool has too, one for each pair of pools.
    ///
    /// VFs that are declared but not created yet count as well.
    public func overlaps(on host: HostSnapshot) -> [DeclarationProblem] {
        guard mayOverlap else { return [] }
        let host = foretold(on: host)
        let members = pools.map { $0.selector.positions(in: host) }
        var problems: [DeclarationProblem] = []
        for first in pools.indices {
            for second in pools.indices.dropFirst(first + 1)
            where pools[first].isExclusive || pools[second].isExclusive {
                guard let shared = members[first].first(sharedWith: members[second]) else { continue }
                // Reported at the later pool: that one was probably just added.
                let (exclusive, other) = pools[first].isExclusive ? (first, second) : (second, first)
                problems.append(
                    DeclarationProblem(
                        place: pools[second].place,
                        refusal: .declaration(
                            .poolsOverlap(
                                exclusive: pools[exclusive].name, other: pools[other].name,
                                function: host.functions[shared].address))))
            }
        }
        return problems
    }

    /// The selectors that ``overlaps(on:)`` evaluates; none if no pool is exclusive.
    public var selectorsOfOverlaps: [Selector] {
        mayOverlap ? pools.map(\.selector) + physicalFunctions.map(\.selector) : []
    }

    private var mayOverlap: Bool { pools.contains(where: \.isExclusive) && pools.count > 1 }

    /// The host as it will be with the declared VFs.
    private func foretold(on host: HostSnapshot) -> HostSnapshot {
        let cut = met(on: host).filter { $0.value.vfCount != host[$0.key]?.sriov?.vfCount }
        guard !cut.isEmpty else { return host }
        var functions = host.functions.filter { function in
            function.virtualFunction.map { cut[$0.physicalFunction] == nil } ?? true
        }
        for (address, declaration) in cut {
            guard let card = host[address], let sriov = card.sriov else { continue }
            for index in 0..<declaration.vfCount {
                guard let place = sriov.address(ofVF: index, physicalFunction: address) else { continue }
                var identity = card.identity
                identity.device = sriov.vfDevice ?? identity.device
                functions.append(
                    Function(
                        address: place, identity: identity, driver: declaration.driver(ofVF: index),
                        numaNode: card.numaNode,
                        role: .virtualFunction(VirtualFunction(physicalFunction: address, index: index))))
            }
        }
        return HostSnapshot(
            host: host.host, iommu: host.iommu, numaNodes: host.numaNodes, iommuGroups: host.iommuGroups,
            functions: functions)
    }
}

extension [Int] {
    /// The first element that two sorted lists have in common.
    fileprivate func first(sharedWith other: [Int]) -> Int? {
        var (own, others) = (0, 0)
        while own < count, others < other.count {
            if self[own] == other[others] { return self[own] }
            if self[own] < other[others] { own += 1 } else { others += 1 }
        }
        return nil
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension Refusal {
    /// Whether it is about this pool and another.
    public func concerns(pool name: String) -> Bool {
        guard case .declaration(.poolsOverlap(let exclusive, let other, _)) = self else { return false }
        return name == exclusive || name == other
    }
}

extension DesiredState {
    /// Functions of an exclusive pool that another pool has too, one for each two pools.
    ///
    /// VFs that are declared and not made yet count as well: as the host will be, not as it is.
    public func overlaps(on host: HostSnapshot) -> [DeclarationProblem] {
        guard mayOverlap else { return [] }
        let host = foretold(on: host)
        let members = pools.map { $0.selector.positions(in: host) }
        var problems: [DeclarationProblem] = []
        for first in pools.indices {
            for second in pools.indices.dropFirst(first + 1)
            where pools[first].isExclusive || pools[second].isExclusive {
                guard let shared = members[first].first(sharedWith: members[second]) else { continue }
                // The later one is where somebody has just written.
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

    /// The selectors by which ``overlaps(on:)`` looks for functions; none where it looks for none.
    public var selectorsOfOverlaps: [Selector] {
        mayOverlap ? pools.map(\.selector) + physicalFunctions.map(\.selector) : []
    }

    private var mayOverlap: Bool { pools.contains(where: \.isExclusive) && pools.count > 1 }

    /// The host with its cards cut up as declared.
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
    /// Of two sorted lists.
    fileprivate func first(sharedWith other: [Int]) -> Int? {
        var (own, others) = (0, 0)
        while own < count, others < other.count {
            if self[own] == other[others] { return self[own] }
            if self[own] < other[others] { own += 1 } else { others += 1 }
        }
        return nil
    }
}

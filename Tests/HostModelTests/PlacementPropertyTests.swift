// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Placement over generated hosts, against brute force")
struct PlacementPropertyTests {
    /// Up to three cards on unknown or known nodes, each cut into a few VFs, some of them taken.
    private static func host(_ random: inout FixedSeed) throws -> (HostSimulator, Holdings) {
        let cards: [PCIAddress] = ["0000:3b:00.0", "0000:5e:00.0", "0000:af:00.0"]
        let chosen = cards.prefix(Int.random(in: 1...3, using: &random))
        var nodes: [Int?] = []
        for _ in chosen { nodes.append([nil, 0, 1, 2].randomElement(using: &random) ?? nil) }
        let grouping: [HostBuilder.VFGroups] = chosen.map { _ in Bool.random(using: &random) ? .own : .shared }
        let host = HostSimulator { builder in
            builder.numaNodes(3)
            for (index, card) in chosen.enumerated() {
                builder.pf(card, totalVFs: 8, numa: nodes[index], vfGroups: grouping[index])
            }
        }
        for card in chosen {
            try host.meanwhile(.setDriversAutoprobe(physicalFunction: card, on: Bool.random(using: &random)))
            try host.meanwhile(.setVFCount(physicalFunction: card, count: Int.random(in: 1...4, using: &random)))
        }
        var holdings = Holdings()
        for vf in host.now.functions where vf.virtualFunction != nil && Int.random(in: 0..<4, using: &random) == 0 {
            let owner = ["a", "b"].randomElement(using: &random) ?? "a"
            let isOthers = holdings.claims.contains {
                host.now[$0.key]?.iommuGroup == vf.iommuGroup && $0.value.ownerName != owner
            }
            if !isOthers { holdings.claims[vf.address] = .init(id: "c1", owner: .name(owner), ownerName: owner) }
        }
        return (host, holdings)
    }

    /// What may be handed to `owner`, by the rules as a person would put them.
    private static func free(on host: HostSnapshot, _ holdings: Holdings, owner: Owner) -> [Function] {
        host.functions.filter { function in
            guard function.virtualFunction != nil, holdings.claims[function.address] == nil else { return false }
            let companions = host.functions.filter { $0.iommuGroup == function.iommuGroup }
            return companions.allSatisfy { other in
                holdings.claims[other.address].map { $0.owner == owner } ?? true
                    && (other.address == function.address || other.driver == nil || other.isOnVFIO)
            } && function.interfaces.allSatisfy { !$0.isAdministrativelyUp }
        }
    }

    @Test("required is never on another node, and is refused just when no node has enough", arguments: 0..<300)
    func required(seed: Int) throws {
        var random = FixedSeed(UInt64(seed))
        let (host, holdings) = try Self.host(&random)
        let snapshot = host.now
        let pool = Pool(name: "p", selector: Selector(kinds: [.virtualFunction]))
        let owner = Owner.name(["a", "b", "c"].randomElement(using: &random) ?? "a")
        let free = Self.free(on: snapshot, holdings, owner: owner)
        for count in 1...5 {
            for policy in [
                NUMAPolicy.none, .preferred(node: 1), .preferred(node: nil), .required(node: 1), .required(node: nil),
            ] {
                let request = ClaimRequest(pool: pool, count: count, owner: owner, numa: policy)
                let chosen = try? Placement.choose(for: request, on: snapshot, holdings: holdings)
                #expect((chosen != nil) == Self.isPossible(policy, count: count, free: free), "\(policy) \(count)")
                guard let chosen else { continue }
                #expect(Set(chosen.map(\.address)).count == count)
                #expect(chosen.allSatisfy { one in free.contains { $0.address == one.address } })
                switch policy {
                case .required(let node?): #expect(chosen.allSatisfy { $0.numaNode == node })
                case .required(nil): #expect(Set(chosen.map(\.numaNode)).count == 1 && chosen[0].numaNode != nil)
                case .preferred(let node?):
                    let near = free.count { $0.numaNode == node }
                    #expect(chosen.count { $0.numaNode == node } == min(near, count))
                case .preferred(nil), .none: break
                }
            }
        }
    }

    private static func isPossible(_ policy: NUMAPolicy, count: Int, free: [Function]) -> Bool {
        switch policy {
        case .none, .preferred: free.count >= count
        case .required(let node?): free.count { $0.numaNode == node } >= count
        case .required(nil): (0..<3).contains { node in free.count { $0.numaNode == node } >= count }
        }
    }
}

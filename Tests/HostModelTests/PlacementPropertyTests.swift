// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Placement over generated hosts, against brute force")
struct PlacementPropertyTests {
    /// Up to three PFs on known or unknown nodes, each with a few VFs, some of them claimed.
    private static func host(_ random: inout FixedSeed) throws -> (HostSimulator, Holdings) {
        let cards: [PCIAddress] = ["0000:3b:00.0", "0000:5e:00.0", "0000:af:00.0"]
        let chosen = cards.prefix(Int.random(in: 1...3, using: &random))
        var nodes: [Int?] = []
        for _ in chosen { nodes.append([nil, 0, 1, 2].randomElement(using: &random) ?? nil) }
        let grouping: [HostBuilder.VFGroups] = chosen.map { _ in Bool.random(using: &random) ? .own : .shared }
        let host = HostSimulator { builder in
            // Nodes 0 and 1 are on one socket.
            builder.numaNodes(3, perSocket: 2)
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

    /// The functions that `owner` may claim, by an independent statement of the rules.
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

    /// Whether a policy allows functions together, by an independent statement of the rules.
    private static func allows(_ policy: NUMAPolicy, _ spread: Spread, _ functions: [Function]) -> Bool {
        let nodes = Set(functions.map(\.numaNode))
        let cards = Set(functions.compactMap(\.virtualFunction?.physicalFunction))
        let isNear =
            switch policy {
            case .none, .preferred: true
            case .required(let node?): nodes == [node]
            case .required(nil): nodes.count == 1 && nodes != [nil]
            case .socket(let node?): nodes.isSubset(of: node < 2 ? [0, 1] : [2])
            case .socket(nil): nodes.isSubset(of: [0, 1]) || nodes == [2]
            }
        let isSpread =
            switch spread {
            case .any: true
            case .pf: cards.count == functions.count
            case .onePF: cards.count == 1
            }
        return isNear && isSpread
    }

    /// All combinations of that many elements.
    private static func choices(_ functions: ArraySlice<Function>, _ count: Int) -> [[Function]] {
        guard count > 0 else { return [[]] }
        guard let first = functions.first else { return [] }
        let rest = functions.dropFirst()
        return choices(rest, count - 1).map { [first] + $0 } + choices(rest, count)
    }

    private static let policies: [NUMAPolicy] = [
        .none, .preferred(node: 1), .preferred(node: nil), .required(node: 1), .required(node: nil), .socket(node: 0),
        .socket(node: 2), .socket(node: nil),
    ]

    @Test("follows the policy, and is never refused while a solution exists", arguments: 0..<200)
    func bruteForce(seed: Int) throws {
        var random = FixedSeed(UInt64(seed))
        let (host, holdings) = try Self.host(&random)
        let snapshot = host.now
        let owner = Owner.name(["a", "b", "c"].randomElement(using: &random) ?? "a")
        let free = Self.free(on: snapshot, holdings, owner: owner)
        for order in Pool.Order.allCases {
            let pool = Pool(name: "p", selector: Selector(kinds: [.virtualFunction]), order: order)
            for count in 1...3 {
                let choices = Self.choices(free[...], count)
                for policy in Self.policies {
                    for spread in Spread.allCases {
                        let request = ClaimRequest(pool: pool, count: count, owner: owner, numa: policy, spread: spread)
                        let chosen = try? Placement.choose(for: request, on: snapshot, holdings: holdings)
                        let isPossible = choices.contains { Self.allows(policy, spread, $0) }
                        #expect((chosen != nil) == isPossible, "\(policy) \(spread) \(count) \(order)")
                        guard let chosen else { continue }
                        #expect(Self.allows(policy, spread, chosen), "\(policy) \(spread) \(count) \(order)")
                        #expect(Set(chosen.map(\.address)).count == count)
                        #expect(chosen.allSatisfy { one in free.contains { $0.address == one.address } })
                        #expect(
                            try Placement.choose(for: request, on: snapshot, holdings: holdings) == chosen,
                            "equal inputs, equal answers")
                        if case .preferred(let node?) = policy, spread == .any {
                            let near = free.count { $0.numaNode == node }
                            #expect(chosen.count { $0.numaNode == node } == min(near, count))
                        }
                    }
                }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Several devices placed together")
struct TogetherTests {
    private static let near: PCIAddress = "0000:3b:00.0"
    private static let far: PCIAddress = "0000:af:00.0"

    /// PFs on nodes 0, 0 and 1 with this many unbound VFs each.
    private func host(_ counts: Int...) throws -> HostSimulator {
        let cards: [(PCIAddress, Int)] = [(Self.near, 0), ("0000:5e:00.0", 0), (Self.far, 1)]
        let host = HostSimulator { builder in
            builder.numaNodes(2)
            for (card, node) in cards { builder.pf(card, totalVFs: 8, numa: node) }
        }
        for ((card, _), count) in zip(cards, counts) {
            try host.meanwhile(.setDriversAutoprobe(physicalFunction: card, on: false))
            if count > 0 { try host.meanwhile(.setVFCount(physicalFunction: card, count: count)) }
        }
        return host
    }

    private func pool(_ name: String, of cards: PCIAddress..., numa: NUMAPolicy = .none) -> Pool {
        Pool(
            name: name,
            selector: Selector(physicalFunctions: cards.map { PFSlice($0) }, kinds: [.virtualFunction]),
            numa: numa)
    }

    private func place(
        _ pools: [Pool], numa: NUMAPolicy? = nil, spread: Spread? = nil, on host: HostSimulator
    ) throws(Refusal) -> [PCIAddress] {
        let requests = pools.map { ClaimRequest(pool: $0, owner: .name("fw1"), numa: numa, spread: spread) }
        return try Placement.choose(together: requests, on: host.now, holdings: Holdings()).joined().map(\.address)
    }

    @Test("devices of several pools are placed on the one node that has enough for all")
    func sameNode() throws {
        let host = try host(2, 1, 2)
        let anywhere = pool("a", of: Self.near, Self.far)
        let onlyFar = pool("b", of: Self.far)
        #expect(try place([anywhere, onlyFar], on: host) == ["0000:3b:10.0", "0000:af:10.0"])
        for policy in [NUMAPolicy.required(node: nil), .preferred(node: nil), .socket(node: nil)] {
            #expect(
                try place([anywhere, onlyFar], numa: policy, on: host) == ["0000:af:10.1", "0000:af:10.0"]
                    || place([anywhere, onlyFar], numa: policy, on: host) == ["0000:af:10.0", "0000:af:10.1"])
        }
    }

    @Test("an earlier request gets another function if a later one has only one candidate")
    func givesWay() throws {
        let host = try host(1, 1, 0)
        let both = pool("a", of: Self.near, "0000:5e:00.0")
        let one = pool("b", of: Self.near)
        #expect(try place([both, one], on: host) == ["0000:5e:10.0", "0000:3b:10.0"])
    }

    @Test("a common spread applies to all devices together")
    func spread() throws {
        let host = try host(2, 1, 0)
        let both = pool("a", of: Self.near, "0000:5e:00.0")
        #expect(try Set(place([both, both], spread: .pf, on: host)) == ["0000:3b:10.0", "0000:5e:10.0"])
        #expect(try place([both, both], spread: .onePF, on: host).sorted() == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(throws: Refusal.self) { try place([both, both, both], spread: .pf, on: host) }
    }

    @Test("a refusal names the pool that has too few, else that each device is available by itself")
    func refusals() throws {
        let host = try host(1, 0, 1)
        let near = pool("near", of: Self.near)
        let far = pool("far", of: Self.far)
        do {
            _ = try place([near, far], numa: .required(node: nil), on: host)
            Issue.record("placed on two nodes")
        } catch {
            #expect(error.code == "never-together" && !error.isTemporary)
            #expect(error.message.contains("near, far") && error.message.contains("required"))
        }
        do {
            _ = try place([near, pool("none", of: "0000:5e:00.0")], on: host)
            Issue.record("placed out of an empty pool")
        } catch {
            #expect(error.code == "pool-too-small" && error.subject == "none")
        }
    }

    @Test("follows the policies, and is never refused while a solution exists", arguments: 0..<150)
    func bruteForce(seed: Int) throws {
        var random = FixedSeed(UInt64(seed) &+ 77)
        let cards: [PCIAddress] = ["0000:3b:00.0", "0000:5e:00.0", "0000:af:00.0"]
        let host = try host(
            Int.random(in: 0...2, using: &random), Int.random(in: 0...2, using: &random),
            Int.random(in: 0...2, using: &random))
        let vfs = host.now.functions.filter { $0.virtualFunction != nil }
        let pools = (0..<Int.random(in: 2...3, using: &random)).map { number in
            Pool(
                name: "p\(number)",
                selector: Selector(
                    physicalFunctions: cards.filter { _ in Bool.random(using: &random) }.map { PFSlice($0) },
                    kinds: [.virtualFunction]))
        }.filter { $0.selector.physicalFunctions?.isEmpty == false }
        guard pools.count > 1 else { return }
        for policy in [NUMAPolicy.none, .required(node: nil), .required(node: 1), .preferred(node: nil)] {
            for spread in Spread.allCases {
                let requests = pools.map { ClaimRequest(pool: $0, owner: .name("a"), numa: policy, spread: spread) }
                let chosen = try? Placement.choose(together: requests, on: host.now, holdings: Holdings())
                    .joined().map(\.self)
                let ways = Self.ways(
                    pools.map { pool in vfs.filter { pool.selector.matches(in: host.now).contains($0) } }
                )
                .filter { Self.allows(policy, spread, $0) }
                #expect((chosen != nil) == !ways.isEmpty, "\(policy) \(spread)")
                if let chosen { #expect(ways.contains(chosen), "\(policy) \(spread)") }
            }
        }
    }

    private static func ways(_ candidates: [[Function]]) -> [[Function]] {
        guard let first = candidates.first else { return [[]] }
        return ways(Array(candidates.dropFirst())).flatMap { rest in
            first.filter { !rest.contains($0) }.map { [$0] + rest }
        }
    }

    private static func allows(_ policy: NUMAPolicy, _ spread: Spread, _ functions: [Function]) -> Bool {
        let nodes = Set(functions.map(\.numaNode))
        let cards = Set(functions.compactMap(\.virtualFunction?.physicalFunction))
        let isNear =
            switch policy {
            case .required(let node?): nodes == [node]
            case .required(nil): nodes.count == 1
            default: true
            }
        return isNear
            && (spread == .any || spread == .pf && cards.count == functions.count
                || spread == .onePF && cards.count == 1)
    }
}

@Suite("Companions")
struct CompanionTests {
    private static let graphics: PCIAddress = "0000:65:00.0"
    private static let sound: PCIAddress = "0000:65:00.1"

    private func host(soundUp: Bool = false, soundDriver: String? = "snd_hda_intel") -> HostSimulator {
        HostSimulator {
            $0.function(Self.graphics, driver: "nouveau", classCode: 0x030000)
            $0.function(
                Self.sound, driver: soundDriver, classCode: 0x040300, interface: soundUp ? "eth9" : nil,
                up: soundUp)
            $0.function("0000:66:00.0", driver: "e1000e")
            $0.group([Self.graphics, Self.sound])
        }
    }

    private let pool = Pool(name: "gpus", selector: Selector(addresses: [graphics]))

    private func place(_ host: HostSimulator, _ holdings: Holdings = Holdings()) throws(Refusal) -> [Placement.Placed] {
        try Placement.place([ClaimRequest(pool: pool, owner: .name("a"))], on: host.now, holdings: holdings)[0]
    }

    @Test("the sound of a graphics card is its companion, whatever its driver")
    func companion() throws {
        let placed = try place(host())
        #expect(placed.map(\.function.address) == [Self.graphics, Self.sound])
        #expect(placed.map(\.companionOf) == [nil, Self.graphics])
    }

    @Test("a companion that the host uses, or that is in quarantine, prevents the claim")
    func obstructed() {
        #expect(throws: Refusal.function(Self.sound, .usedByHost(interface: "eth9"))) { try place(host(soundUp: true)) }
        let doubtful = Holdings(quarantine: [Self.sound: "why"])
        #expect(throws: Refusal.function(Self.sound, .quarantined(reason: "why"))) { try place(host(), doubtful) }
    }

    @Test("another card in the group is not a companion: it blocks while it has a host driver")
    func stranger() {
        let host = HostSimulator {
            $0.function(Self.graphics, driver: "nouveau")
            $0.function("0000:66:00.0", driver: "e1000e")
            $0.group([Self.graphics, "0000:66:00.0"])
        }
        #expect(host.now.companions(of: host.now[Self.graphics] ?? host.now.functions[0]).isEmpty)
        do {
            _ = try place(host)
            Issue.record("taken although the group is not viable")
        } catch {
            #expect(error.code == "group-not-viable" && error.message.contains("0000:66:00.0"))
        }
    }

    @Test("a function that the owner has already is not a companion")
    func alreadyHeld() throws {
        let held = Holdings(claims: [Self.sound: .init(id: "c1", owner: .name("a"), ownerName: "a")])
        #expect(try place(host(soundDriver: nil), held).map(\.function.address) == [Self.graphics])
    }
}

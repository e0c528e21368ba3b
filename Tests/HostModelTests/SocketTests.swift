// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

/// NUMA policies on hosts whose firmware says little about nodes, or something wrong.
@Suite("Sockets, and hosts of one node")
struct SocketTests {
    private let pool = Pool(name: "lane", selector: Selector())

    private func host(_ nodes: [NUMANode], functionsOn places: [Int?]) throws -> HostSnapshot {
        var functions: [Function] = []
        for (index, node) in places.enumerated() {
            var function = Function(
                address: try PCIAddress("0000:81:02.\(index)"),
                identity: Identity(vendor: 0x8086, device: 0x154c, classCode: 0x020000), numaNode: node)
            function.iommuGroup = 30 + index
            functions.append(function)
        }
        return HostSnapshot(
            host: HostIdentity(name: "kvm1"), iommu: IOMMU(enabled: true, kind: .intelVTd), numaNodes: nodes,
            iommuGroups: functions.map { IOMMUGroup(id: $0.iommuGroup ?? 0, type: "DMA-FQ", functions: [$0.address]) },
            functions: functions)
    }

    private func node(_ id: Int, cpus: String = "0", distances: [Int] = [], packages: [Int]? = nil) -> NUMANode {
        NUMANode(id: id, cpus: cpus, distances: distances, memory: nil, hugepages: [], packages: packages)
    }

    /// The last digits of the functions chosen; nil when refused.
    private func chosen(_ policy: NUMAPolicy, count: Int = 1, on host: HostSnapshot) -> [Int]? {
        let request = ClaimRequest(pool: pool, count: count, owner: .name("fw1"), numa: policy)
        let placed = try? Placement.choose(for: request, on: host, holdings: Holdings())
        return placed?.map { Int($0.address.function) }
    }

    /// Two packages of two nodes.
    private func fourNodes(distance: (Int, Int) -> Int) -> [NUMANode] {
        (0..<4).map { id in
            node(id, distances: (0..<4).map { $0 == id ? 10 : distance(id, $0) }, packages: [id / 2])
        }
    }

    @Test("a socket is a processor package, whatever distances the firmware gives")
    func packages() throws {
        // 16 between any two, as the first EPYC hosts say; 21 between any two; and a socket that seems farther away
        // than the other.
        for distance in [{ _, _ in 16 }, { _, _ in 21 }, { $0 / 2 == $1 / 2 ? 32 : 12 }] as [(Int, Int) -> Int] {
            let other = try host(fourNodes(distance: distance), functionsOn: [3, 3])
            #expect(chosen(.socket(node: 0), on: other) == nil)
            #expect(chosen(.socket(node: 2), on: other) == [0])
            #expect(chosen(.socket(node: nil), count: 2, on: other) == [0, 1])
            let own = try host(fourNodes(distance: distance), functionsOn: [3, 1])
            #expect(chosen(.socket(node: 0), on: own) == [1])
            #expect(chosen(.socket(node: nil), count: 2, on: own) == nil)
        }
    }

    @Test("where the kernel names no package, a socket is the node itself")
    func unknownPackages() throws {
        let host = try host([node(0, distances: [10, 12]), node(1, distances: [12, 10])], functionsOn: [1])
        #expect(chosen(.socket(node: 0), on: host) == nil)
        #expect(chosen(.socket(node: 1), on: host) == [0])
        // A node without CPUs is on no socket.
        let expander = [node(0, packages: [0]), node(1, packages: [1]), node(2, cpus: "", packages: [])]
        #expect(chosen(.socket(node: 0), on: try self.host(expander, functionsOn: [2])) == nil)
    }

    @Test("a node of two packages, as interleaved memory makes it, is on the socket of both")
    func interleaved() throws {
        let nodes = [node(0, packages: [0, 1]), node(1, packages: [1]), node(2, packages: [2])]
        #expect(chosen(.socket(node: 0), on: try host(nodes, functionsOn: [1])) == [0])
        #expect(chosen(.socket(node: 0), on: try host(nodes, functionsOn: [2])) == nil)
    }

    @Test("on a host of one node, a function without a node is on that node")
    func oneNode() throws {
        let nodes = [[node(0, cpus: "0-15")], [], [node(0, cpus: "0-15"), node(1, cpus: "")]]
        let policies: [NUMAPolicy] = [
            .required(node: nil), .required(node: 0), .socket(node: nil), .socket(node: 0), .preferred(node: nil),
            .preferred(node: 0), .none,
        ]
        for nodes in nodes {
            let host = try host(nodes, functionsOn: [nil, nil])
            for policy in policies { #expect(chosen(policy, count: 2, on: host) == [0, 1], "\(policy)") }
            #expect(chosen(.required(node: 1), on: host) == nil)
            #expect(Selector(numaNodes: [0]).matches(in: host).count == 2)
            #expect(Selector(numaNodes: [1]).matches(in: host).isEmpty)
            #expect(Placement.supply(of: host.functions, on: host) == [.init(node: 0, free: 2)])
            // What is unknown stays unknown.
            #expect(host.functions.map(\.numaNode) == [nil, nil])
            let together = policies.dropLast().map {
                ClaimRequest(pool: pool, owner: .name("fw1"), numa: $0, deviceName: "\($0)")
            }
            #expect(throws: Never.self) {
                try Placement.choose(together: Array(together.prefix(2)), on: host, holdings: Holdings())
            }
        }
    }

    @Test("on a host of several nodes, a function without a node is on none")
    func severalNodes() throws {
        for nodes in [[node(0), node(1)], []] {
            let host = try host(nodes, functionsOn: [nil, 1])
            #expect(chosen(.required(node: 0), on: host) == nil)
            #expect(chosen(.required(node: nil), on: host) == [1])
            #expect(Selector(numaNodes: [0]).matches(in: host).isEmpty)
        }
    }

    @Test("a claim on a host of one node suits a request that prefers that node")
    func suits() throws {
        let host = try host([node(0)], functionsOn: [nil, nil])
        let claim = Claim(
            id: "c1", pool: "lane", owner: .name("fw1"), ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
            assignments: [
                Assignment(
                    name: "data0", address: host.functions[0].address, virtualFunction: nil, iommuGroup: 30,
                    numaNode: nil, isNetwork: true, settings: VFSettings(),
                    original: OriginalState(driver: nil, driverOverride: nil, settings: nil), companionOf: nil)
            ])
        let request = ClaimRequest(pool: pool, owner: .name("fw1"), numa: .preferred(node: 0))
        #expect(Placement.suits(claim, request, on: host, holdings: Holdings()))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainSamples
import HostModel
import HostSimulator
import Testing

@testable import DomainXML

@Suite("The memory of an aligned domain")
struct MemoryTests {
    private let near0 = DeviceNode(name: "data0", node: 0)
    private let near1 = DeviceNode(name: "data0", node: 1)

    /// A guest with 8 GiB, and with two nodes of 4 GiB if asked for.
    private func guest(_ tuning: String = "", hasNodes: Bool = false) -> String {
        let cells =
            "<cpu><numa><cell id='0' cpus='0-1' memory='4' unit='GiB'/><cell id='1' cpus='2-3' memory='4' unit='GiB'/>"
            + "</numa></cpu>"
        return """
            <domain type='kvm'><name>fw1</name><memory unit='GiB'>8</memory><vcpu>4</vcpu>\(tuning)\
            <os><type machine='q35'>hvm</type></os>\(hasNodes ? cells : "")<devices/></domain>
            """
    }

    private func node(
        _ id: Int, cpus: String, distances: [Int] = [10, 21], gib: Int = 64, free: Int? = nil, available: Int? = nil,
        pages: [NUMANode.Hugepages] = []
    ) -> NUMANode {
        NUMANode(
            id: id, cpus: cpus, distances: distances,
            memory: .init(
                totalBytes: gib << 30, freeBytes: (free ?? gib) << 30, availableBytes: available.map { $0 << 30 }),
            hugepages: pages)
    }

    // MARK: - Huge pages

    /// Free pages of 2 MiB and of 1 GiB.
    private func stocked(_ id: Int, small: Int, large: Int, byDefault size: Int? = 2 << 20) -> NUMANode {
        let pages = [(2 << 20, small), (1 << 30, large)].map { bytes, free in
            NUMANode.Hugepages(pageSizeBytes: bytes, total: 9999, free: free, isDefault: size.map { $0 == bytes })
        }
        return NUMANode(id: id, cpus: "", distances: [], memory: nil, hugepages: pages)
    }

    @Test("huge pages are counted on the nodes that the memory is bound to, before the domain starts")
    func hugepages() throws {
        let bound = try domain(Corpus.expanders).placement
        #expect(bound.hugepageShortages(on: [stocked(0, small: 0, large: 4), stocked(1, small: 0, large: 4)]) == [])
        let short = bound.hugepageShortages(on: [stocked(0, small: 0, large: 8), stocked(1, small: 0, large: 3)])
        #expect(short.map(\.description) == ["4 huge pages of 1048576 KiB are needed on node 1, 3 are free"])
        #expect(short.first?.remedy.contains("node/node1/hugepages/hugepages-1048576kB") == true)
        // Two nodes of the guest on one of the host's need the sum of both.
        let both = try domain(
            Corpus.expanders.with("cellid='1' mode='strict' nodeset='1'", as: "cellid='1' nodeset='0'")
        ).placement
        #expect(both.hugepageShortages(on: [stocked(0, small: 0, large: 7)]).map(\.neededPages) == [8])
        #expect(try domain(Samples.i440fx).placement.hugepageShortages(on: []) == [])
    }

    @Test(
        "a shortage passes if the host has the pages and others use them; unknown pages are not judged",
        arguments: [(9999, 3, true), (3, 3, false), (9999, nil, nil), (9999, 4, nil)] as [(Int, Int?, Bool?)])
    func passing(total: Int, free: Int?, mayPass: Bool?) throws {
        let stocks = [0, 1].map { id in
            NUMANode(
                id: id, cpus: "", distances: [], memory: nil,
                hugepages: [.init(pageSizeBytes: 1 << 30, total: total, free: id == 0 ? 4 : free)])
        }
        let short = try domain(Corpus.expanders).placement.hugepageShortages(on: stocks)
        #expect(short.first?.mayPass == mayPass)
        if let mayPass { #expect(short.first?.remedy.contains("stop a guest") == mayPass) }
    }

    @Test("a size that the XML leaves out is the kernel's default, whatever other sizes there are")
    func defaultSize() throws {
        let open = try domain(Samples.q35).placement
        #expect(open.hugepageShortages(on: [stocked(0, small: 4000, large: 0), stocked(1, small: 96, large: 0)]) == [])
        #expect(
            open.hugepageShortages(on: [stocked(0, small: 4000, large: 9)]).map(\.description)
                == ["4096 huge pages of 2048 KiB are needed, 4000 are free"])
        // default_hugepagesz=1G: the kernel shows its empty pool of 2 MiB all the same.
        #expect(open.hugepageShortages(on: [stocked(0, small: 0, large: 8, byDefault: 1 << 30)]) == [])
        #expect(
            open.hugepageShortages(on: [stocked(0, small: 4096, large: 7, byDefault: 1 << 30)]).map(\.neededPages) == [
                8
            ])
        // arm64 with base pages of 64 KiB.
        let arm = NUMANode.Hugepages(pageSizeBytes: 512 << 20, total: 16, free: 15, isDefault: true)
        let small = NUMANode.Hugepages(pageSizeBytes: 2 << 20, total: 0, free: 0, isDefault: false)
        #expect(
            open.hugepageShortages(on: [node(0, cpus: "0-3", pages: [small, arm])]).map(\.description)
                == ["16 huge pages of 524288 KiB are needed, 15 are free"])
        // Not known, and several: nothing is claimed. One size needs no name.
        #expect(open.hugepageShortages(on: [stocked(0, small: 0, large: 0, byDefault: nil)]) == [])
        let only = NUMANode.Hugepages(pageSizeBytes: 2 << 20, total: 1, free: 1)
        #expect(open.hugepageShortages(on: [node(0, cpus: "0-3", pages: [only])]).map(\.freePages) == [1])
    }

    @Test("a page of the base size is ordinary memory")
    func basePage() throws {
        let backing = "<memoryBacking><hugepages><page size='4' unit='KiB'/></hugepages></memoryBacking>"
        let placement = try domain(guest(backing)).placement
        #expect(placement.hugepageShortages(on: [stocked(0, small: 0, large: 0)]) == [])
    }

    // MARK: - Nodes without memory or CPUs

    @Test("a device on a node without memory: vCPUs there, memory on the nearest node that has some")
    func withoutMemory() throws {
        let host = [
            node(0, cpus: "0-3", distances: [10, 31, 21]), node(1, cpus: "4-7", distances: [31, 10, 21], gib: 0),
            node(2, cpus: "8-11", distances: [21, 21, 10]),
        ]
        let aligned = try domain(guest()).aligned(to: [near1], on: host)
        let placement = try aligned.placement
        #expect(placement.memory?.nodes == NumberSet([2]))
        #expect(placement.cpus(ofVCPU: 0)?.description == "4-7")
        #expect(placement.misalignments(of: [near1], on: host) == [])
        #expect(try aligned.aligned(to: [near1], on: host) == aligned)
        #expect(placement.memoryShortages(on: host) == [])
        // Memory on another node than the nearest is still a conflict.
        let far = try domain(guest("<numatune><memory nodeset='0'/></numatune>"))
        #expect(throws: MisalignedDomain.self) { try far.aligned(to: [near1], on: host) }
    }

    @Test("a guest with nodes and a device on a node without memory")
    func cellsWithoutMemory() throws {
        let host = [node(0, cpus: "0-3"), node(1, cpus: "4-7", distances: [21, 10], gib: 0)]
        let other = DeviceNode(name: "data1", node: 0)
        let spec = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 1)
        let alone = try domain(guest(hasNodes: true)).addingAligned([spec], on: host, isRunning: false)
        #expect(alone.text.contains("<memnode cellid='0' mode='strict' nodeset='0'/>"))
        #expect(try alone.placement.vcpuPins == [0: NumberSet([4, 5, 6, 7]), 1: NumberSet([4, 5, 6, 7])])
        #expect(try alone.addingAligned([spec], on: host, isRunning: false) == alone)
        let fit = try DeviceAlignment(of: near1, among: [near1], in: alone, on: host)
        #expect(fit.memory == .fits && fit.vcpus == .fits && fit.guestNode == .fits && fit.problems == [])
        // With a second device on the node that lends its memory, each has a node of the guest's with its own vCPUs.
        for devices in [[near1, other], [other, near1]] {
            let both = try domain(guest(hasNodes: true)).aligned(to: devices, on: host)
            #expect(try both.placement.misalignments(of: devices, on: host) == [])
            #expect(try both.aligned(to: devices, on: host) == both)
        }
    }

    @Test("a device on a node without CPUs: memory there, vCPUs on the nearest node that has some")
    func withoutCPUs() throws {
        let host = [
            node(0, cpus: "0-3", distances: [10, 21, 31]), node(1, cpus: "4-7", distances: [21, 10, 17]),
            node(2, cpus: "", distances: [31, 17, 10]),
        ]
        let device = DeviceNode(name: "gpu0", node: 2)
        let placement = try domain(guest()).aligned(to: [device], on: host).placement
        #expect(placement.memory?.nodes == NumberSet([2]))
        #expect(placement.cpus(ofVCPU: 0)?.description == "4-7")
        #expect(placement.misalignments(of: [device], on: host) == [])
        let pinned = try domain(guest("<cputune><vcpupin vcpu='0' cpuset='4'/></cputune>")).placement
        #expect(pinned.misalignments(of: [device], on: host).filter(\.isConflict) == [])
        // Without distances it is not known which is nearest: the vCPUs stay free, and no pin is a conflict.
        let silent = host.map { NUMANode(id: $0.id, cpus: $0.cpus, distances: [], memory: $0.memory, hugepages: []) }
        #expect(try domain(guest()).aligned(to: [device], on: silent).placement.vcpuPins.isEmpty)
        #expect(pinned.misalignments(of: [device], on: silent).filter(\.isConflict) == [])
    }

    // MARK: - Modes

    @Test("under a restrictive <memory>, what is added is restrictive too")
    func restrictive() throws {
        let host = [node(0, cpus: "0-3"), node(1, cpus: "4-7", distances: [21, 10])]
        func added(_ mode: String) throws -> String {
            let tuning = "<numatune><memory mode='\(mode)' nodeset='0-1'/></numatune>"
            return try domain(guest(tuning, hasNodes: true)).aligned(to: [near1], on: host).text
        }
        #expect(try added("restrictive").contains("<memnode cellid='0' mode='restrictive' nodeset='1'/>"))
        for mode in ["strict", "interleave"] {
            #expect(try added(mode).contains("<memnode cellid='0' mode='strict' nodeset='1'/>"))
        }
    }

    // MARK: - Too little memory

    private func refusal(on nodes: [NUMANode], isRunning: Bool = false, _ xml: String? = nil) -> Refusal? {
        do {
            let spec = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 1)
            _ = try domain(xml ?? guest()).addingAligned([spec], on: nodes, isRunning: isRunning)
            return nil
        } catch {
            return error as? Refusal
        }
    }

    @Test("a node that can never hold the guest's memory is refused, with its size")
    func neverEnough() throws {
        let reserved = NUMANode.Hugepages(pageSizeBytes: 1 << 30, total: 12, free: 12, isDefault: true)
        let nodes = [
            node(0, cpus: "0-3"), node(1, cpus: "4-7", distances: [21, 10], gib: 16, free: 3, pages: [reserved]),
        ]
        for isRunning in [false, true] {
            let refused = try #require(refusal(on: nodes, isRunning: isRunning))
            #expect(refused.code == "too-little-memory" && !refused.isTemporary)
            #expect(refused.message.contains("8 GiB of memory are needed on node 1, that node has 4 GiB"))
            #expect(refused.remedy?.contains("at most 4 GiB") == true)
        }
        // On its huge pages it fits.
        #expect(refusal(on: nodes, guest("<memoryBacking><hugepages/></memoryBacking>")) == nil)
        // Cells are judged by themselves: 4 GiB fit.
        #expect(refusal(on: [nodes[0], node(1, cpus: "4-7", gib: 4)], guest(hasNodes: true)) == nil)
    }

    @Test("memory that others use now may be free later; caches count as free, and a running guest has its own")
    func notNow() throws {
        func nodes(free: Int, available: Int? = nil) -> [NUMANode] {
            [node(0, cpus: "0-3"), node(1, cpus: "4-7", distances: [21, 10], free: free, available: available)]
        }
        let refused = try #require(refusal(on: nodes(free: 2, available: 5)))
        #expect(refused.code == "memory-in-use" && refused.isTemporary)
        #expect(refused.message.contains("8 GiB of memory are needed on node 1, 5 GiB are available"))
        #expect(refusal(on: nodes(free: 2, available: 20)) == nil)
        #expect(refusal(on: nodes(free: 9)) == nil)
        #expect(refusal(on: nodes(free: 2), isRunning: true) == nil)
        // Where the node's memory is not known, nothing is claimed.
        #expect(refusal(on: [Host.node(0, cpus: "0-3"), Host.node(1, cpus: "4-7")]) == nil)
        let preferred = guest("<numatune><memory mode='preferred' nodeset='1'/></numatune>")
        #expect(refusal(on: nodes(free: 2), preferred) == nil)
    }

    @Test("amounts that no host has are refused or judged, never added up to a crash")
    func amounts() throws {
        let cells = (0..<128).map { "<cell id='\($0)' memory='\(1 << 43)' unit='KiB'/>" }.joined()
        let placement = try domain(
            "<domain><name>a</name><numatune><memory nodeset='1'/></numatune><cpu><numa>\(cells)</numa></cpu><devices/>"
                + "</domain>"
        ).placement
        #expect(placement.memoryShortages(on: [node(1, cpus: "0")]).map(\.neededBytes) == [1 << 60])
    }
}

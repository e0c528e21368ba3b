// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import Testing

@testable import DomainXML

@Suite("A domain's placement on the host, from its XML")
struct PlacementTests {
    /// A guest of four vCPUs without nodes.
    private func guest(_ tuning: String = "", vcpu: String = "<vcpu>4</vcpu>") -> String {
        Corpus.q35("<memballoon model='none'/>").with("  <vcpu>2</vcpu>\n", as: "  \(vcpu)\n\(tuning)")
    }

    private func need(
        _ pages: MemoryNeed.Pages, _ bytes: Int, cell: Int? = nil, node: Int? = nil
    ) -> MemoryNeed {
        MemoryNeed(
            pages: pages, bytes: bytes, cell: cell,
            boundTo: node.map { DomainPlacement.Memory(nodes: NumberSet([$0]), mode: "strict") })
    }

    @Test("vCPUs, memory and nodes are read from the XML")
    func reading() throws {
        let placement = try domain(Corpus.expanders).placement
        #expect(placement.vcpuCount == 4)
        #expect(placement.vcpuPins == [0: NumberSet([0, 1, 2, 3])])
        #expect(placement.cpuset == nil && placement.emulatorPin == nil && !placement.isAutomatic)
        #expect(placement.memory == .init(nodes: NumberSet([0, 1]), mode: "strict"))
        #expect(placement.cells.map(\.vcpus) == [NumberSet([0, 1]), NumberSet([2, 3])])
        #expect(placement.cells.map { placement.nodes(of: $0) } == [NumberSet([0]), NumberSet([1])])
        #expect(
            placement.memoryNeeds == [
                need(.huge(sizeBytes: 1 << 30), 4 << 30, cell: 0, node: 0),
                need(.huge(sizeBytes: 1 << 30), 4 << 30, cell: 1, node: 1),
            ])
        let open = try domain(Samples.q35).placement
        #expect(open.memoryNeeds == [need(.huge(sizeBytes: nil), 8 << 30)])
        #expect(try domain(Samples.oneLine).placement.vcpuCount == 1)
        #expect(try domain(guest(vcpu: "<vcpu cpuset='0-7,^2'>4</vcpu>")).placement.cpuset?.description == "0-1,3-7")
    }

    @Test("a page size for some cells leaves the others with ordinary memory")
    func pagesOfCells() throws {
        let cells = "<cpu><numa><cell id='0' memory='1' unit='GiB'/><cell id='1' memory='1' unit='GiB'/></numa></cpu>"
        func pages(_ backing: String) throws -> [MemoryNeed.Pages] {
            let xml = Samples.small("<memoryBacking>\(backing)</memoryBacking>\(cells)<devices/>")
            return try domain(xml).placement.memoryNeeds.map(\.pages)
        }
        #expect(
            try pages("<hugepages><page size='1' unit='GiB' nodeset='1'/></hugepages>")
                == [.ordinary, .huge(sizeBytes: 1 << 30)])
        #expect(try pages("<hugepages/>") == [.huge(sizeBytes: nil), .huge(sizeBytes: nil)])
        #expect(try pages("") == [.ordinary, .ordinary])
    }

    @Test("amounts of memory as libvirt reads them")
    func amounts() throws {
        for (unit, bytes) in [
            ("b", 1), ("KB", 1000), ("k", 1024), ("KiB", 1024), ("MB", 1_000_000), ("M", 1 << 20), ("GiB", 1 << 30),
            ("TB", 1_000_000_000_000),
        ] {
            let xml = Samples.small(
                "<memory unit='\(unit)'>3</memory><memoryBacking><hugepages/></memoryBacking><devices/>")
            #expect(try domain(xml).placement.memoryNeeds.first?.bytes == 3 * bytes, "\(unit)")
        }
    }

    @Test(
        "what cannot be read is refused with its element",
        arguments: [
            ("<vcpu>none</vcpu>", "<vcpu>"), ("<vcpu>2147483647</vcpu>", "<vcpu>"), ("<vcpu>0</vcpu>", "<vcpu>"),
            ("<vcpu>9223372036854775807</vcpu>", "<vcpu>"),
            ("<cputune><vcpupin vcpu='2147483647' cpuset='0'/></cputune>", "'vcpu' of <vcpupin>"),
            ("<cpu><numa><cell cpus='0-1'/><cell cpus='1'/></numa></cpu>", "<cell>"),
            ("<cpu><numa>\(String(repeating: "<cell/>", count: 129))</numa></cpu>", "<cell>"),
            ("<vcpu cpuset='a'>1</vcpu>", "'cpuset' of <vcpu>"),
            ("<vcpu cpuset='3-1'>1</vcpu>", "'cpuset' of <vcpu>"), ("<vcpu cpuset='0-99999999'>1</vcpu>", "'cpuset'"),
            ("<cputune><vcpupin vcpu='0'/></cputune>", "<vcpupin>"),
            ("<numatune><memory nodeset=''/></numatune>", "'nodeset' of <memory>"),
            ("<numatune><memnode nodeset='0'/></numatune>", "'cellid'"),
            ("<memory unit='furlong'>1</memory><memoryBacking><hugepages/></memoryBacking>", "'unit'"),
            ("<memory>9999999999999999999</memory><memoryBacking><hugepages/></memoryBacking>", "<memory>"),
        ])
    func unreadable(xml: String, named: String) {
        let error = refusal { try domain(Samples.small(xml)).placement }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
    }
}

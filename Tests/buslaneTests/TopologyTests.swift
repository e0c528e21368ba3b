// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import FoundationXML
import HostModel
import Testing

@testable import buslane

@Suite("The host as a picture")
struct TopologyTests {
    @Test("a small host as text")
    func small() throws {
        let text = try TopologyText(of: Topology(of: HostInWords.small().inventory, owners: HostInWords.owners))
            .rendered(.plain)
        #expect(
            text == """
                kvm7, 12 functions, 8 of them VFs, 4 claimed, IOMMU intel-vtd, Linux 6.12.0

                ┌─ NUMA node 0 ─ CPUs 0-7 ─────────────────────────────────────────────────────────────────────────┐
                │ nothing to hand out here                                                                         │
                └──────────────────────────────────────────────────────────────────────────────────────────────────┘

                ┌─ NUMA node 1 ─ CPUs 8-15 ────────────────────────────────────────────────────────────────────────┐
                │ 0000:3b:00.0  h  Ethernet Controller XXV710                               8 of 64 VFs, 3 claimed │
                │   i40e, group 5!, ens1f0 up 25 Gb/s                                                              │
                │   0000:3b:10.0  VF 0-7  A A B . v v h .  groups 6-11 12! 13                                      │
                │                                                                                                  │
                │ 0000:5e:00.0  B  vfio-pci, group 20  Ethernet Controller XXV710                                  │
                │                                                                                                  │
                │ and 1 bridge                                                                                     │
                └──────────────────────────────────────────────────────────────────────────────────────────────────┘

                ┌─ On no NUMA node ────────────────────────────────────────────────────────────────────────────────┐
                │ 0000:00:14.0  h  xhci_hcd, group 1!  Ethernet Controller XXV710                                  │
                └──────────────────────────────────────────────────────────────────────────────────────────────────┘

                A  claimed, by the owner of that letter
                v  free, on a VFIO driver
                .  free, on no driver
                h  in use by the host's driver
                a-b  cells joined by a line share an IOMMU group
                ! not viable: its group has a function on a host driver

                SIGN  OWNER        FUNCTIONS  CLAIMS
                A     fw1          2          c-a
                B     router-edge  2          c-b
                """ + "\n")
    }

    @Test("claimed and free VFs differ without colour, and each owner has its letter")
    func signs() throws {
        let text = try TopologyText(of: Topology(of: HostInWords.large().inventory, owners: HostInWords.owners))
            .rendered(.plain)
        #expect(text.contains("VF  0-15  A A B B . . v v  h h . C . v . h"))
        #expect(text.contains("\nA     fw1 "))
        #expect(text.contains("64 of 128 VFs, 20 claimed"))
        // Two cards of 64 VFs, on one screen.
        #expect(text.lines.count < 40)
    }

    @Test("without a daemon nothing is said to be free")
    func claimsUnknown() throws {
        let text = try TopologyText(of: Topology(of: HostInWords.small().inventory, owners: nil)).rendered(.plain)
        #expect(text.contains(Topology.claimsUnknown))
        #expect(!text.contains("free"))
    }

    @Test("VFs of one IOMMU group are joined")
    func sharedGroup() throws {
        var host = HostInWords()
        try host.pf(bus: 3, node: nil, group: 7, vfs: "vv..", sharedVFGroup: 9)
        let topology = Topology(of: host.inventory, owners: [:])
        #expect(TopologyText(of: topology).rendered(.plain).contains("v-v-.-.  group 9\u{20}"))
        #expect(TopologyDrawing(of: topology).svg.components(separatedBy: "class=\"join\"").count == 3 + 2)
    }

    @Test("more owners than letters still differ")
    func manyOwners() throws {
        var host = HostInWords()
        for bus in 1...60 {
            host.function(
                try PCIAddress("0000:\(String(bus + 16, radix: 16)):00.0"), group: bus, driver: "vfio-pci",
                claim: "c-\(bus)")
        }
        let owners = Topology(of: host.inventory, owners: [:]).owners
        #expect(owners.count == 60)
        #expect(Set(owners.map(\.code)).count == 60)
        #expect(owners[25].code == "Z" && owners[26].code == "AA" && owners[52].code == "BA")
    }

    @Test("the SVG is well-formed and has every function once", arguments: [true, false])
    func wellFormed(isLarge: Bool) throws {
        let inventory = try (isLarge ? HostInWords.large() : HostInWords.small()).inventory
        let reader = try SVGReader(TopologyDrawing(of: Topology(of: inventory, owners: HostInWords.owners)).svg)
        #expect(reader.uses.count == inventory.functions.count)
        #expect(reader.addresses.sorted() == inventory.functions.map(\.address.description).sorted())
        // A tooltip for each, and the title of the whole.
        #expect(reader.titles == inventory.functions.count + 1)
        #expect(Set(reader.uses.values) == ["claimed", "vfio", "unbound", "host"])
    }

    @Test("claimed and free cells differ in sign, not in colour alone")
    func svgSigns() throws {
        let svg = try TopologyDrawing(of: Topology(of: HostInWords.small().inventory, owners: HostInWords.owners)).svg
        let cells = svg.components(separatedBy: "<g class=\"function\"").dropFirst()
        func cell(_ address: String) -> String { cells.first { $0.hasPrefix(" data-address=\"\(address)\"") } ?? "" }
        #expect(cell("0000:3b:10.0").contains(">A</text>"))
        #expect(cell("0000:3b:10.2").contains(">B</text>"))
        #expect(cell("0000:3b:10.3").contains("<circle"))
        #expect(cell("0000:3b:10.4").contains(">v</text>"))
        #expect(cell("0000:3b:10.6").contains(">h</text>"))
    }

    @Test("names are escaped, and what XML cannot hold is replaced")
    func escaping() throws {
        var host = try HostInWords.small()
        host.names.device = "<script>\"&'\u{1}\u{ffff}"
        let reader = try SVGReader(
            TopologyDrawing(of: Topology(of: host.inventory, owners: ["c-a": "a</text>&<b", "c-b": "\u{0}b"])).svg)
        #expect(!reader.elements.contains("script") && !reader.elements.contains("b"))
        #expect(reader.text.contains("a</text>&<b"))
        #expect(reader.text.contains("<script>\"&'\u{fffd}\u{fffd}"))
    }

    @Test("the SVG needs nothing from elsewhere, and turns dark with its reader")
    func selfContained() throws {
        let svg = try TopologyDrawing(of: Topology(of: HostInWords.large().inventory, owners: nil)).svg
        #expect(!svg.replacing("http://www.w3.org/2000/svg", with: "").contains("http"))
        #expect(svg.contains("prefers-color-scheme:dark"))
        #expect(svg.contains(Topology.claimsUnknown))
    }
}

/// Reads an SVG as a browser would: to its end or not at all.
private final class SVGReader: NSObject, XMLParserDelegate {
    private(set) var elements: Set<String> = []
    private(set) var addresses: [String] = []
    private(set) var uses: [String: String] = [:]
    private(set) var titles = 0
    private(set) var text = ""

    init(_ svg: String) throws {
        super.init()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = self
        try #require(parser.parse(), "\(parser.parserError.map(String.init(describing:)) ?? "")")
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.insert(name)
        if name == "title" { titles += 1 }
        guard let address = attributes["data-address"] else { return }
        addresses.append(address)
        uses[address] = attributes["data-use"]
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Testing

@testable import buslane

@Suite("Lists, as a person reads them")
struct ListTests {
    @Test("the table of a small host")
    func table() throws {
        let text = try InventoryTable(of: HostInWords.small().inventory, owners: HostInWords.owners).rendered(.plain)
        #expect(
            text == """
                ADDRESS       KIND     DRIVER    GROUP  NODE  INTERFACE  CLAIM  USED BY      DEVICE
                0000:00:14.0  -        xhci_hcd  1!     -     -          -      -            Ethernet Controller XX…
                0000:3a:00.0  bridge   pcieport  2      1     -          -      -            Root Port
                0000:3b:00.0  PF 8/64  i40e      5!     1     ens1f0     -      -            Ethernet Controller XX…
                0000:3b:10.0  VF 0     vfio-pci  6      1     -          c-a    fw1          Ethernet Controller XX…
                0000:3b:10.1  VF 1     vfio-pci  7      1     -          c-a    fw1          Ethernet Controller XX…
                0000:3b:10.2  VF 2     vfio-pci  8      1     -          c-b    router-edge  Ethernet Controller XX…
                0000:3b:10.3  VF 3     -         9      1     -          -      -            Ethernet Controller XX…
                0000:3b:10.4  VF 4     vfio-pci  10     1     -          -      -            Ethernet Controller XX…
                0000:3b:10.5  VF 5     vfio-pci  11     1     -          -      -            Ethernet Controller XX…
                0000:3b:10.6  VF 6     iavf      12!    1     -          -      -            Ethernet Controller XX…
                0000:3b:10.7  VF 7     -         13     1     -          -      -            Ethernet Controller XX…
                0000:5e:00.0  -        vfio-pci  20     1     -          c-b    router-edge  Ethernet Controller XX…
                ! not viable: its group has a function on a host driver
                """ + "\n")
    }

    @Test("the tree of a small host: root port, card, VFs, each with its group")
    func tree() throws {
        let text = try InventoryTree(of: HostInWords.small().inventory, owners: HostInWords.owners).rendered(.plain)
        #expect(
            text == """
                0000:00:14.0  group 1!  xhci_hcd  Ethernet Controller XXV710
                0000:3a:00.0  bridge  group 2  pcieport  Root Port
                └─ 0000:3b:00.0  PF 8/64  group 5!  i40e  ens1f0  Ethernet Controller XXV710
                   ├─ 0000:3b:10.0  VF 0  group 6  vfio-pci  claim c-a of fw1  Ethernet Controller XXV710
                   ├─ 0000:3b:10.1  VF 1  group 7  vfio-pci  claim c-a of fw1  Ethernet Controller XXV710
                   ├─ 0000:3b:10.2  VF 2  group 8  vfio-pci  claim c-b of router-edge  Ethernet Controller XXV710
                   ├─ 0000:3b:10.3  VF 3  group 9  no driver  Ethernet Controller XXV710
                   ├─ 0000:3b:10.4  VF 4  group 10  vfio-pci  Ethernet Controller XXV710
                   ├─ 0000:3b:10.5  VF 5  group 11  vfio-pci  Ethernet Controller XXV710
                   ├─ 0000:3b:10.6  VF 6  group 12!  iavf  Ethernet Controller XXV710
                   └─ 0000:3b:10.7  VF 7  group 13  no driver  Ethernet Controller XXV710
                0000:5e:00.0  group 20  vfio-pci  claim c-b of router-edge  Ethernet Controller XXV710
                ! not viable: its group has a function on a host driver
                """ + "\n")
    }

    @Test("on a narrow terminal columns go whole, the least important first, and no address is cut")
    func narrow() throws {
        var style = Style.plain
        style.width = 60
        let text = try InventoryTable(of: HostInWords.small().inventory, owners: HostInWords.owners).rendered(style)
        let heading = try #require(text.lines.first)
        #expect(heading.split(separator: " ") == ["ADDRESS", "KIND", "DRIVER", "GROUP", "NODE", "CLAIM"])
        #expect(text.contains("\n0000:3b:10.0  "))
    }

    @Test("no line is wider than the terminal", arguments: [true, false])
    func width(isLarge: Bool) throws {
        var host = isLarge ? try HostInWords.large() : try HostInWords.small()
        host.names.device = String(repeating: "A card with a long name ", count: 8)
        host.function(
            try PCIAddress("10000:01:00.0" as String), group: 123_456, driver: "a-driver-with-quite-a-name",
            interface: "enp0s1f2np3dev4", claim: "c-1234567890")
        let inventory = host.inventory
        let owners = ["c-a": String(repeating: "long-owner-", count: 12), "c-b": "網絡網絡網絡網絡網絡", "c-c": "k8s"]
        for width in stride(from: 60, through: 200, by: isLarge ? 20 : 1) {
            let style = Style(width: width)
            let topology = TopologyText(of: Topology(of: inventory, owners: owners)).rendered(style)
            for text in [
                InventoryTable(of: inventory, owners: owners).rendered(style),
                InventoryTree(of: inventory, owners: owners).rendered(style), topology,
            ] {
                let widest = text.lines.map(\.columns).max() ?? 0
                #expect(widest <= width)
            }
        }
    }

    @Test("pools and claims fit too, with ids and addresses whole")
    func otherLists() throws {
        let long = String(repeating: "pool-with-a-long-name-", count: 6)
        let pools = PoolsDocument(pools: [
            .init(
                name: long, numa: .preferred(node: nil), total: 4000, free: 3999,
                nodes: (0..<16).map { .init(node: $0, free: 250) } + [.init(node: nil, free: 1)], functions: [])
        ])
        let function = try PCIAddress("0000:3b:10.2" as String)
        let claim = Claim(
            id: "c-12345", pool: long, owner: try Owner("someone"), ownerName: long, numa: .preferred(node: nil),
            state: .pending,
            createdAt: 0,
            assignments: [
                Assignment(
                    name: "data0", address: function, virtualFunction: nil, iommuGroup: 7, numaNode: nil,
                    isNetwork: true, settings: VFSettings(), original: OriginalState(driver: nil, driverOverride: nil))
            ])
        let claims = ClaimsDocument(claims: [.init(claim)])
        for width in 60...200 {
            for table in [pools.table, claims.table] {
                let text = table.rendered(Style(width: width))
                #expect((text.lines.map(\.columns).max() ?? 0) <= width)
            }
            let text = claims.table.rendered(Style(width: width))
            #expect(text.contains("c-12345 ") && text.contains(function.description))
        }
    }

    @Test("what the mark means is said when it stands in the table, and only then")
    func footnote() throws {
        var inventory = try HostInWords.small().inventory
        #expect(InventoryTable(of: inventory).rendered(.plain).contains(GroupMarks.meaning))
        inventory.functions.removeAll { $0.driver != "vfio-pci" }
        #expect(!InventoryTable(of: inventory).rendered(.plain).contains(GroupMarks.meaning))
        #expect(!InventoryTree(of: inventory).rendered(.plain).contains(GroupMarks.meaning))
    }

    @Test("parents that go round in a ring are shown all the same, once each")
    func ring() throws {
        var inventory = try HostInWords.small().inventory
        for index in inventory.functions.indices {
            inventory.functions[index].parent =
                inventory.functions[(index + 1) % inventory.functions.count].address
        }
        let tree = InventoryTree(of: inventory).rendered(.plain)
        for function in inventory.functions {
            #expect(tree.lines.count { $0.contains(function.address.description + " ") } == 1)
        }
    }

    @Test("a name from the host cannot speak to the terminal")
    func escapes() throws {
        var host = try HostInWords.small()
        host.names.device = "Evil\u{1b}[2J\u{07}\ncard\u{202e}"
        let inventory = host.inventory
        let owners = ["c-a": "\u{1b}]0;owned\u{07}", "c-b": "b"]
        for text in [
            InventoryTable(of: inventory, owners: owners).rendered(.plain),
            InventoryTree(of: inventory, owners: owners).rendered(.plain),
            TopologyText(of: Topology(of: inventory, owners: owners)).rendered(.plain),
        ] {
            #expect(!text.unicodeScalars.contains { ($0.value < 0x20 && $0 != "\n") || $0 == "\u{202e}" })
            #expect(text.contains("Evil\u{fffd}[2J"))
        }
    }

    @Test("4,000 functions take one pass, not one for each group")
    func large() throws {
        var host = HostInWords()
        for bus in UInt8(1)...63 {
            try host.pf(bus: bus, node: 0, group: Int(bus) * 100, vfs: String(repeating: "avh.", count: 16))
        }
        let inventory = host.inventory
        let started = ContinuousClock.now
        let table = InventoryTable(of: inventory, owners: HostInWords.owners).rendered(.plain)
        let tree = InventoryTree(of: inventory).rendered(.plain)
        #expect(table.lines.count == inventory.functions.count + 2)
        #expect(tree.lines.count == inventory.functions.count + 1)
        // A search through all groups for each function takes minutes in a debug build.
        #expect(ContinuousClock.now - started < .seconds(20))
    }

    @Test("what stays needs no more than it has: an empty list says so")
    func empty() {
        let inventory = HostInWords().inventory
        #expect(InventoryTable(of: inventory).rendered(.plain) == "no PCI functions\n")
        #expect(InventoryTree(of: inventory).rendered(.plain) == "no PCI functions\n")
        #expect(TopologyText(of: Topology(of: inventory, owners: nil)).rendered(.plain) == "no PCI functions\n")
    }
}

@Suite("Text for the terminal")
struct TerminalTests {
    @Test("colour on a terminal alone, and never where it is not wanted")
    func colour() {
        #expect(Terminal.wantsColour(environment: ["TERM": "xterm"], isTerminal: true))
        #expect(Terminal.wantsColour(environment: ["NO_COLOR": ""], isTerminal: true))
        #expect(!Terminal.wantsColour(environment: ["TERM": "xterm"], isTerminal: false))
        #expect(!Terminal.wantsColour(environment: ["NO_COLOR": "1"], isTerminal: true))
        #expect(!Terminal.wantsColour(environment: ["TERM": "dumb"], isTerminal: true))
    }

    @Test("a text takes as many columns as the C library says, in any locale")
    func columns() {
        #expect("plain".columns == 5 && "─┤…".columns == 3)
        #expect("e\u{301}".columns == 1 && "漢字".columns == 4 && "😀".columns == 2)
    }

    @Test("lines of boxes where the locale has them")
    func lines() throws {
        #expect(Terminal.hasUnicode(environment: ["LANG": "de_DE.UTF-8"]))
        #expect(Terminal.hasUnicode(environment: ["LC_ALL": "", "LC_CTYPE": "C.utf8"]))
        #expect(!Terminal.hasUnicode(environment: ["LC_ALL": "C", "LANG": "C.UTF-8"]))
        #expect(!Terminal.hasUnicode(environment: [:]))
        let inventory = try HostInWords.small().inventory
        let style = Style(width: 60, isUnicode: false)
        for text in [
            InventoryTable(of: inventory).rendered(style), InventoryTree(of: inventory).rendered(style),
            TopologyText(of: Topology(of: inventory, owners: nil)).rendered(style),
        ] { #expect(text.utf8.allSatisfy { $0 < 0x80 }) }
    }

    @Test("colour adds nothing but colour")
    func colourAlone() throws {
        let inventory = try HostInWords.large().inventory
        let coloured = Style(width: 100, isColoured: true)
        let topology = Topology(of: inventory, owners: HostInWords.owners)
        #expect(TopologyText(of: topology).rendered(coloured).contains("\u{1b}[1;36mA\u{1b}[0m"))
        #expect(
            TopologyText(of: topology).rendered(coloured).replacing(/\u{1b}\[[0-9;]*m/, with: "")
                == TopologyText(of: topology).rendered(.plain))
        #expect(
            InventoryTree(of: inventory).rendered(coloured).replacing(/\u{1b}\[[0-9;]*m/, with: "")
                == InventoryTree(of: inventory).rendered(.plain))
    }
}

extension String {
    var lines: [String] { split(separator: "\n", omittingEmptySubsequences: true).map(String.init) }
}

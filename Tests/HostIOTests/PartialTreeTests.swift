// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostIO
import HostModel
import SchemaCheck
import Testing

/// Captured trees: some attributes are not in them, and links are as the tool that captured them wrote them.
@Suite("Reading a partial tree")
struct PartialTreeTests {
    private static let card = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"

    private func host(without paths: String..., in name: String = "dataplane-host") throws -> HostSnapshot {
        let tree = try FixtureTree(named: name)
        for path in paths { try tree.remove(path) }
        return try tree.snapshot()
    }

    @Test("an interface without an index, flags or anything else keeps its name, and is not down")
    func interface() throws {
        let net = Self.card + "/net/ens1f0"
        let partial = try host(without: net + "/ifindex", net + "/flags")
        let interface = try #require(partial[address("0000:3b:00.0")]?.interfaces.first)
        #expect(interface.index == nil && interface.isSetUp == nil && interface.isAdministrativelyUp)
        #expect(interface.name == "ens1f0" && interface.mtu == 9000 && interface.state == "up")
        let virtual = VirtualFunction(physicalFunction: try address("0000:3b:00.0"), index: 0)
        #expect(partial.downPort(ofVF: virtual) == nil)
        #expect(partial.warnings == [])
    }

    @Test(
        "the graphics card of the console is told by either attribute; of a function of another class none is read",
        arguments: [
            ("0x030000", "boot_vga = 1", true), ("0x030000", "boot_vga = 0", false), ("0x030000", "", nil),
            ("0x038000", "boot_display = 1", true), ("0x030000", "boot_vga = 0\nboot_display = 1", true),
            ("0x020000", "boot_vga = 1", nil), ("0x030000", "boot_vga = 2", nil),
        ] as [(String, String, Bool?)])
    func console(classCode: String, lines: String, isConsole: Bool?) throws {
        let tree = try FixtureTree(
            """
            [/sys/devices/pci0000:00/0000:00:02.0]
            vendor = 0x8086
            device = 0x46a6
            class = \(classCode)
            \(lines)
            """)
        #expect(try tree.snapshot()[address("0000:00:02.0")]?.isConsole == isConsole)
    }

    @Test("interfaces are found where the link to the driver is missing, also behind a virtio device")
    func noDriver() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        for function in ["0000:3b:00.0", "0000:00:03.0"] { try tree.remove("/sys/bus/pci/devices/\(function)/driver") }
        let partial = try tree.snapshot()
        let card = try #require(partial[address("0000:3b:00.0")])
        #expect(card.driver == nil)
        #expect(card.interfaces.map(\.name) == ["ens1f0"])
        #expect(partial[try address("0000:00:03.0")]?.interfaces.map(\.name) == ["ens3"])
    }

    @Test("a node without one attribute keeps the others; nodes are in the order of their ids")
    func node() throws {
        let nodes = "/sys/devices/system/node"
        let tree = try FixtureTree(named: "dataplane-host")
        let whole = try tree.snapshot()
        for path in ["cpulist", "distance", "meminfo"] { try tree.remove(nodes + "/node1/" + path) }
        try tree.remove(nodes + "/node0/hugepages/hugepages-2048kB/free_hugepages")
        try tree.write("Node 10 MemTotal: 8 kB", to: nodes + "/node10/meminfo")
        let partial = try tree.reader.snapshot().numaNodes
        #expect(partial == tree.reader.numaNodes())
        #expect(partial.map(\.id) == [0, 1, 10])
        #expect(partial[0].hugepages.first == .init(pageSizeBytes: 2_097_152, total: 512, free: nil))
        #expect(partial[0].cpus == whole.numaNodes[0].cpus)
        #expect(partial[1] == NUMANode(id: 1, cpus: nil, distances: nil, memory: nil, hugepages: []))
        #expect(partial[2].memory == .init(totalBytes: 8192, freeBytes: nil))
    }

    @Test("groups are known from the functions' links where the kernel's list is missing")
    func groups() throws {
        let whole = try host()
        let partial = try host(without: "/sys/kernel/iommu_groups")
        #expect(partial.iommu == whole.iommu)
        #expect(partial.iommuGroups.map(\.id) == whole.iommuGroups.map(\.id))
        #expect(partial.iommuGroups.map(\.functions) == whole.iommuGroups.map(\.functions))
        #expect(partial.iommuGroups.allSatisfy { $0.type == nil })
        #expect(partial.functions == whole.functions)
    }

    @Test("an id that is missing is unknown, and so are its names; the others stay")
    func identity() throws {
        let vendor = Self.card + "/vendor"
        let partial = try host(without: vendor, Self.card + "/class")
        let card = try #require(partial[address("0000:3b:00.0")])
        #expect(card.identity.vendor == nil && card.identity.device == 0x158b && card.identity.classCode == nil)
        #expect(!card.isBridge && !card.leadsToAnotherBus && !card.isEthernet)
        #expect(card.interfaces.map(\.name) == ["ens1f0"])
        let text = String(decoding: try document(partial), as: UTF8.self)
        #expect(!text.contains("ffff"))
        let (status, lines) = try SchemaCheck.validate([Data(text.utf8)])
        #expect(status == 0, "\(lines)")
    }

    @Test("links with slashes at their ends lead where they led without")
    func slashes() throws {
        let whole = try host()
        let tree = try FixtureTree(named: "dataplane-host")
        for function in whole.functions {
            let entry = "/sys/bus/pci/devices/\(function.address)"
            let home = URL(filePath: tree.root + entry).resolvingSymlinksInPath().path()
            for name in ["driver", "iommu_group", "physfn", "virtfn0", "virtfn1"] {
                try tree.addSlash(toLink: home.replacing(tree.root, with: "", maxReplacements: 1) + "/" + name)
            }
            try tree.addSlash(toLink: entry)
        }
        #expect(try tree.snapshot().functions == whole.functions)
    }

    @Test("a VF of a PF that is not in the tree is in the inventory, in its group, without an index")
    func orphans() throws {
        let partial = try host(without: "/sys/bus/pci/devices/0000:3b:00.0")
        let text = String(decoding: try document(partial), as: UTF8.self)
        #expect(text.contains("\"0000:3b:10.0\""))
        #expect(partial.group(6)?.functions.map(\.description) == ["0000:3b:10.0"])
        let (status, lines) = try SchemaCheck.validate([Data(text.utf8)])
        #expect(status == 0, "\(lines)")
    }

    @Test(
        "without any one file or link, each function, interface, group and node is still there",
        arguments: healthyHosts)
    func anything(name: String) throws {
        let tree = try FixtureTree(named: name)
        let whole = Members(of: try tree.reader.snapshot())
        let entries = FileManager.default.enumerator(atPath: tree.root)?.compactMap { $0 as? String } ?? []
        for entry in entries where !entry.hasPrefix("sys/bus/pci/devices/") {
            let path = tree.root + "/" + entry
            let kept = path + ".kept"
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
            guard isLink || exists && !isFolder.boolValue else { continue }
            rename(path, kept)
            #expect(Members(of: try tree.reader.snapshot()) == whole, "without \(entry)")
            rename(kept, path)
        }
    }
}

/// What a host has, without the facts about it.
private struct Members: Equatable {
    let functions: [PCIAddress]
    let interfaces: [PCIAddress: [String]]
    let groups: [Int]
    let nodes: [Int]

    init(of host: HostSnapshot) {
        functions = host.functions.map(\.address)
        interfaces = Dictionary(
            uniqueKeysWithValues: host.functions.map { ($0.address, $0.interfaces.map(\.name).sorted()) })
        groups = host.iommuGroups.map(\.id)
        nodes = host.numaNodes.map(\.id)
    }
}

extension FixtureTree {
    /// Does nothing when there is no such link.
    fileprivate func addSlash(toLink path: String) throws {
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: root + path) else { return }
        try remove(path)
        try makeRawLink(at: path, to: target + "/")
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import Testing

@Suite("Names of functions")
struct PCINamesTests {
    private let list = """
        8086  Intel Corporation
        \t10c9  82576 Gigabit Network Connection
        C 02  Network controller
        \t00  Ethernet controller
        """

    private func names(_ text: String) throws -> (PCINames, FixtureTree) {
        let tree = try FixtureTree()
        try tree.write(text, to: "/pci.ids")
        return (PCINames(idsPath: tree.root + "/pci.ids"), tree)
    }

    @Test("vendor, device and class are found, and unknown is nil")
    func lookUp() throws {
        let (names, tree) = try names(list)
        #expect(names.vendor(0x8086) == "Intel Corporation")
        #expect(names.device(vendor: 0x8086, device: 0x10c9) == "82576 Gigabit Network Connection")
        #expect(names.classCode(0x020000) == "Ethernet controller")
        #expect(names.classCode(0x020001) == "Ethernet controller")
        #expect(names.vendor(0x1234) == nil)
        #expect(names.device(vendor: 0x8086, device: 0x9999) == nil)
        #expect(names.classCode(0xff0000) == nil)
        withExtendedLifetime(tree) {}
    }

    @Test("the list is read once, at the first call")
    func lazy() throws {
        let (names, tree) = try names(list)
        #expect(names.vendor(0x8086) == "Intel Corporation")
        try tree.remove("/pci.ids")
        #expect(names.device(vendor: 0x8086, device: 0x10c9) == "82576 Gigabit Network Connection")
    }

    @Test("a malformed list does not end the process", arguments: ["8086  Intel\n\tzzzz  Broken", "\t\t\t", "8086"])
    func malformed(text: String) throws {
        let (names, tree) = try names(text)
        #expect(names.vendor(0x8086) == nil)
        #expect(names.classCode(0x020000) == nil)
        withExtendedLifetime(tree) {}
    }

    @Test("without a list every name is unknown")
    func missing() {
        #expect(PCINames(idsPath: "/nowhere/pci.ids").vendor(0x8086) == nil)
    }

    @Test("a very long name is shortened")
    func long() throws {
        let (names, tree) = try names("8086  " + String(repeating: "x", count: 600))
        let name = try #require(names.vendor(0x8086))
        #expect(name.count < 256)
        #expect(name.hasSuffix("..."))
        withExtendedLifetime(tree) {}
    }

    @Test("many threads can look up names at once")
    func concurrent() async throws {
        let (names, tree) = try names(list)
        await withTaskGroup(of: String?.self) { group in
            for _ in 0..<64 { group.addTask { names.vendor(0x8086) } }
            for await name in group { #expect(name == "Intel Corporation") }
        }
        withExtendedLifetime(tree) {}
    }
}

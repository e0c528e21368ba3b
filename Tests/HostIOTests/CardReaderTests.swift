// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import HostSimulator
import Testing

@Suite("Reading what a card is")
struct CardReaderTests {
    private let tree: FixtureTree

    init() throws { tree = try FixtureTree(named: "dataplane-host") }

    private func identity(_ text: String) throws -> CardIdentity? {
        try withExtendedLifetime(tree) { CardReader(paths: tree.paths).identity(at: try address(text)) }
    }

    @Test("a slot has no bus number: the firmware names the host bridge")
    func slot() throws {
        // Another boot may number this host bridge's bus anew.
        #expect(try identity("0000:3b:00.0")?.slot == nil)
        try tree.write("\\_SB_.PC03", to: "/sys/devices/pci0000:3a/firmware_node/path")
        let card = try #require(try identity("0000:3b:00.0"))
        #expect(card.slot == "\\_SB_.PC03/00.0/00.0")
        #expect(card.model == "8086:158b 8086:0002")
        #expect(try identity("0000:3b:10.1") == card)
    }

    @Test("bus 0 keeps its number")
    func firstBus() throws {
        #expect(try identity("0000:00:03.0")?.slot == "pci0000:00/03.0")
        // A VMD is a function on the way to its own bus.
        #expect(try identity("10000:e0:06.0")?.slot == "pci0000:00/0e.0/06.0")
    }

    @Test("the address that an interface was made with, and none that was set")
    func mac() throws {
        let interface = "/sys/bus/pci/devices/0000:3b:00.0/net/ens1f0"
        try tree.write("3", to: interface + "/addr_assign_type")
        #expect(try identity("0000:3b:00.0")?.macs == [])
        try tree.write("0", to: interface + "/addr_assign_type")
        #expect(try identity("0000:3b:00.0")?.macs == ["3c:fd:fe:00:00:01"])
    }

    @Test("a function that is not there has no identity")
    func missing() throws { #expect(try identity("0000:ff:00.0") == nil) }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import HostSimulator
import Testing

/// One function with this config space, read in full.
private func capabilities(_ words: String) throws -> Capabilities? {
    let tree = try FixtureTree(lone + "config is \(words)\n")
    let snapshot = try tree.reader.snapshot()
    #expect(snapshot.warnings == [])
    return try #require(snapshot.functions.first).capabilities
}

private let lone = """
    [/sys/devices/pci0000:00/0000:00:02.0]
    vendor = 0x8086
    device = 0x10c9
    subsystem_vendor = 0x8086
    subsystem_device = 0xa03c
    class = 0x020000
    revision = 0x01

    """

@Suite("Capabilities of a function")
struct ConfigSpaceTests {
    @Test("a network card with every capability")
    func card() throws {
        #expect(
            try capabilities("multi pcie=endpoint flr msix=64 ari ats pasid sriov acs=none")
                == Capabilities(
                    isMultiFunction: true, portType: .endpoint, functionLevelReset: true, msixTableSize: 64,
                    extended: .init(
                        sriov: true, ari: true, ats: true, pasid: true, acs: ACS(supported: [], enabled: []))))
    }

    @Test("a root port, and the access controls that are enabled")
    func rootPort() throws {
        let port = try #require(try capabilities("pcie=root-port acs=sv,tb,rr,cr,uf,dt/sv,rr,uf"))
        let acs = try #require(port.extended?.acs)
        #expect(port.portType == .rootPort)
        #expect(acs.missing == [.completionRedirect])
        #expect(acs.enabled.names == ["source-validation", "request-redirect", "upstream-forwarding"])
        #expect(port.isolates == false)
        #expect(try capabilities("pcie=root-port acs=all")?.isolates == true)
        // A control that the port does not have counts as enabled.
        #expect(try capabilities("pcie=root-port acs=sv,rr")?.isolates == true)
        #expect(try capabilities("pcie=root-port")?.isolates == false)
    }

    @Test("conventional PCI is known to have no extended capabilities")
    func conventional() throws {
        #expect(
            try capabilities("af-flr msix=2048")
                == Capabilities(functionLevelReset: true, msixTableSize: 2048, extended: .init()))
        #expect(try capabilities("bytes=256") == Capabilities(extended: .init()))
    }

    @Test(
        "capabilities are unknown when only the header can be read or nothing answers",
        arguments: ["bytes=64", "bytes=0", "asleep"])
    func unreadable(words: String) throws {
        #expect(try capabilities("pcie=endpoint flr sriov \(words)") == nil)
        #expect(
            try capabilities("pcie=endpoint flr bytes=256")
                == Capabilities(portType: .endpoint, functionLevelReset: true))
    }

    @Test("capabilities at the end are found; those beyond the bytes read are unknown, not absent")
    func far() throws {
        #expect(try capabilities("pcie=endpoint ari sriov far")?.extended == .init(sriov: true, ari: true))
        let cut = try #require(try capabilities("pcie=endpoint ari sriov far bytes=1024"))
        #expect(cut.portType == .endpoint)
        #expect(cut.extended == nil)
    }

    @Test("a list that is a ring ends, and its capabilities are found")
    func loop() throws {
        let tree = try FixtureTree(lone)
        var bytes = try configSpace("pcie=endpoint flr ats")
        bytes[0x41] = 0x40
        bytes[0x102] = 0x01
        bytes[0x103] = 0x10
        try tree.write(bytes: bytes, to: "/sys/devices/pci0000:00/0000:00:02.0/config")
        let read = try tree.reader.snapshot().functions.first?.capabilities
        #expect(read?.functionLevelReset == true)
        #expect(read?.extended?.ats == true)
    }

    @Test("random bytes end neither the process nor the reading")
    func noise() throws {
        let tree = try FixtureTree(lone)
        var random = FixedSeed(7)
        for _ in 0..<200 {
            var bytes = try configSpace("pcie=endpoint flr ats acs=all msix=8")
            for _ in 0..<40 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            for _ in 0..<8 { bytes[Int(random.next() % 0x140)] = UInt8(truncatingIfNeeded: random.next()) }
            try tree.write(bytes: bytes, to: "/sys/devices/pci0000:00/0000:00:02.0/config")
            #expect(try tree.reader.snapshot().functions.count == 1)
        }
    }

    @Test("capabilities are not read unless they are requested")
    func optional() throws {
        let tree = try FixtureTree(lone + "config is pcie=endpoint\n")
        #expect(try tree.reader.snapshot(including: []).functions.first?.capabilities == nil)
        #expect(try tree.reader.function(at: address("0000:00:02.0"))?.capabilities == nil)
        #expect(try tree.reader.function(at: address("0000:00:02.0"), including: .all)?.capabilities != nil)
    }
}

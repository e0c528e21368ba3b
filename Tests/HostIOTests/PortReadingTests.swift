// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostModel
import HostSimulator
import Testing

@testable import HostIO

@Suite("Reading the ports of a function")
struct PortReadingTests {
    private static let home = "/sys/devices/pci0000:16/0000:16:02.0/0000:17:00.0"

    private func interface(
        _ name: String, _ index: Int, up: Bool, number: Int = 0, portName: String? = nil, link: Int? = nil,
        lower: Int? = nil
    ) -> String {
        var lines = [
            "ifindex = \(index)", "flags = 0x100\(up ? 3 : 2)", "operstate = \(up ? "up" : "down")", "mtu = 1500",
            "address = 52:54:00:00:00:0\(index)", "dev_port = \(number)", "phys_port_name = \(portName ?? "")",
        ]
        if portName != nil { lines.append("phys_switch_id = 0123456789ab") }
        if let link { lines.append("type = \(link)") }
        if let lower { lines.append("iflink = \(lower)") }
        return lines.map { "net/\(name)/\($0)" }.joined(separator: "\n")
    }

    private func tree(driver: String, _ interfaces: [String], more: String = "") throws -> FixtureTree {
        try FixtureTree(
            """
            [\(Self.home)]
            vendor = 0x15b3
            device = 0x101d
            class = 0x020000
            revision = 0x00
            subsystem_vendor = 0x15b3
            subsystem_device = 0x0001
            driver -> /sys/bus/pci/drivers/\(driver)
            sriov_totalvfs = 8
            sriov_numvfs = 2
            sriov_offset = 2
            sriov_stride = 1
            \(interfaces.joined(separator: "\n"))
            virtfn0 -> /sys/devices/pci0000:16/0000:16:02.0/0000:17:00.2
            virtfn1 -> /sys/devices/pci0000:16/0000:16:02.0/0000:17:00.3
            \(more)
            """)
    }

    @Test(
        "the VFs have memory if each of their BARs has an address",
        arguments: [
            ([0x4000_0000, nil], true), ([0x4000_0000, 0x5000_0000], true), ([0, nil], false),
            ([0x4000_0000, 0], false), ([nil, nil], false),
        ] as [([UInt64?], Bool)])
    func memoryOfVFs(bars: [UInt64?], isAssigned: Bool) throws {
        func line(_ start: UInt64?) -> String {
            let (last, flags) = start.map { ($0 + 0x3fff, UInt64(0x140204)) } ?? (0, 0)
            return [start ?? 0, last, flags].map { "0x" + String(format: "%016lx", $0) }.joined(separator: " ")
        }
        let lines =
            Array(repeating: line(0xf000_0000), count: 7) + bars.map(line) + Array(repeating: line(nil), count: 4)
        func memory(_ text: String) throws -> Bool? {
            let tree = try tree(driver: "mlx5_core", [], more: "resource = " + text)
            return try tree.snapshot()["0000:17:00.0"]?.sriov?.hasVFMemory
        }
        #expect(try memory(lines.joined(separator: "\\n")) == isAssigned)
        #expect(try memory(lines.prefix(12).joined(separator: "\\n")) == nil)
        #expect(try memory("unreadable") == nil)
    }

    private let first = VirtualFunction(physicalFunction: "0000:17:00.0", index: 0)
    private let second = VirtualFunction(physicalFunction: "0000:17:00.0", index: 1)

    @Test("switchdev: of the uplink, representors and a subfunction's port only the uplink is a port")
    func switchdev() throws {
        let tree = try tree(
            driver: "mlx5_core",
            [
                interface("r1", 3, up: false, portName: "pf0vf1"), interface("np0", 7, up: true, portName: "p0"),
                interface("r0", 8, up: true, portName: "pf0vf0"), interface("sf88", 9, up: false, portName: "pf0sf88"),
            ])
        let host = try tree.snapshot()
        #expect(host.warnings == [])
        let card = try #require(host["0000:17:00.0"])
        #expect(card.interfaces.map(\.name) == ["r1", "np0", "r0", "sf88"])
        #expect(card.ports.map(\.name) == ["np0"])
        #expect(card.interfaces[1].port == PortFacts(name: "p0", number: 0, switchID: "0123456789ab"))
        #expect(tree.reader.downPort(ofVF: first) == nil)
        #expect(try tree.reader.function(at: "0000:17:00.0", including: .all) == card)
        try tree.write("0x1002", to: Self.home + "/net/np0/flags")
        #expect(tree.reader.downPort(ofVF: first) == "np0")
    }

    @Test("ConnectX-3: a VF needs the port that it hangs on, by the module's parameter")
    func twoPorts() throws {
        let tree = try tree(
            driver: "mlx4_core", [interface("ens3", 4, up: true), interface("ens3d1", 5, up: false, number: 1)])
        let card = try #require(try tree.snapshot()["0000:17:00.0"])
        #expect(card.ports.map(\.port.number) == [0, 1])
        #expect(card.ports.allSatisfy { $0.port.name == nil })
        #expect(tree.reader.downPort(ofVF: first) == nil)
        let parameter = "/sys/module/mlx4_core/parameters/num_vfs"
        for (text, counts, down) in [
            ("2", [], [nil, nil]), ("1,1", [1, 1], [nil, "ens3d1"]), ("0,2,0", [0, 2], ["ens3d1", "ens3d1"]),
            ("0,0,2", [0, 0], [nil, nil]), ("0000:17:00.0-1;1;0", [], [nil, nil]),
        ] as [(String, [Int], [String?])] {
            try tree.write(text, to: parameter)
            let snapshot = try tree.reader.snapshot()
            #expect(snapshot["0000:17:00.0"]?.sriov?.vfsPerPort == counts)
            #expect([first, second].map(tree.reader.downPort) == down)
            #expect([first, second].map(snapshot.downPort) == down)
        }
    }

    @Test("an IPoIB interface has children that are no ports, and a management interface is none")
    func others() throws {
        let infiniBand = try tree(
            driver: "mlx5_core",
            [
                interface("ib0.8001", 3, up: false, link: 32, lower: 4),
                interface("ib0", 4, up: false, link: 32, lower: 4),
            ])
        #expect(try infiniBand.snapshot()["0000:17:00.0"]?.ports.map(\.name) == ["ib0"])
        #expect(infiniBand.reader.downPort(ofVF: first) == nil)
        let chelsio = try tree(driver: "cxgb4", [interface("mgmtpf0,0", 4, up: false, link: 65534)])
        let card = try #require(try chelsio.snapshot()["0000:17:00.0"])
        #expect(card.interfaces.map(\.name) == ["mgmtpf0,0"] && card.ports.isEmpty)
        #expect(chelsio.reader.downPort(ofVF: first) == nil)
    }

    @Test("the settings of a VF are those that all its ports show")
    func carriers() {
        func port(_ name: String, _ number: Int, link: Int = 1) -> NetworkInterface {
            NetworkInterface(
                name: name, index: number + 4, mac: nil, state: "up", isAdministrativelyUp: true,
                port: PortFacts(number: number, linkType: link))
        }
        let trusted = VFSettings(vlan: VFSettings.VLANChoice.none, trust: true)
        let other = VFSettings(vlan: VFSettings.VLANChoice.none, trust: false)
        let two = [port("ens3", 0), port("ens3d1", 1)]
        let carriers = [
            VFCarrier(interface: two[0], settings: [0: trusted, 1: trusted]),
            VFCarrier(interface: two[1], settings: [0: other, 1: trusted]),
        ]
        let both = VFPorts(interfaces: two)
        #expect(both.settings(ofVF: 0, among: carriers) == VFSettings(vlan: VFSettings.VLANChoice.none))
        #expect(both.settings(ofVF: 1, among: carriers) == trusted)
        #expect(both.settings(ofVF: 2, among: carriers) == nil)
        let each = VFPorts(interfaces: two, vfsPerPort: [0, 1])
        #expect(each.settings(ofVF: 0, among: carriers) == other)
        #expect(each.carriers(ofVF: 0, among: carriers).map(\.interface.name) == ["ens3d1"])
        let management = port("mgmtpf0,0", 0, link: 65534)
        let chelsio = VFPorts(interfaces: [management])
        let carrier = VFCarrier(interface: management, settings: [0: other])
        #expect(chelsio.settings(ofVF: 0, among: [carrier]) == other)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Testing

/// The part of rtnetlink that any machine has; the emulated host tests the part that needs VFs.
@Suite("Reading VF settings over rtnetlink")
struct VFSettingsReaderTests {
    @Test("the loopback interface has no VFs")
    func none() throws {
        let reader = try VFSettingsReader()
        #expect(try reader.settings(ofVFsOn: 1) == [:])
        let loopback = NetworkInterface(name: "lo", index: 1, mac: nil, state: "up", isAdministrativelyUp: true)
        #expect(try reader.carriers(of: VFPorts(interfaces: [loopback])).isEmpty)
    }

    @Test("a port of InfiniBand is not asked for its VFs")
    func infiniBand() throws {
        func ports(_ linkType: Int) -> VFPorts {
            VFPorts(interfaces: [
                NetworkInterface(
                    name: "x0", index: 999_999, mac: nil, state: "up", isAdministrativelyUp: true,
                    port: PortFacts(linkType: linkType))
            ])
        }
        #expect(try VFSettingsReader().carriers(of: ports(32)).isEmpty)
        #expect(throws: HostIOError.self) { try VFSettingsReader().carriers(of: ports(1)).isEmpty }
    }

    @Test("an interface that does not exist is an error that names it")
    func missing() throws {
        let reader = try VFSettingsReader()
        let error = #expect(throws: HostIOError.self) { try reader.settings(ofVFsOn: 999_999) }
        guard case .netlink(_, 999_999, let code) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(code > 0)
    }
}

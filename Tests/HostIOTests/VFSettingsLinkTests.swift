// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import Testing

@testable import HostIO

/// What rtnetlink can show on any machine; VFs themselves are for the emulated host.
@Suite("VF settings over rtnetlink")
struct VFSettingsLinkTests {
    @Test("the loopback interface has no VFs")
    func none() throws {
        let link = try VFSettingsLink()
        #expect(try link.settings(ofVFsOn: 1) == [:])
        #expect(try link.settings(ofVFsOnAnyOf: [1])?.interface == nil)
    }

    @Test("an interface that does not exist is an error that names it")
    func missing() throws {
        let link = try VFSettingsLink()
        let error = #expect(throws: HostIOError.self) { try link.settings(ofVFsOn: 999_999) }
        guard case .netlink(_, 999_999, let code) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(code > 0)
    }

    @Test("what is set on a VF is what a reader of the message sees; libnl drops a rate of 0 and a VLAN of none")
    func roundTrip() throws {
        let vlan = try #require(VLANID(42))
        let wanted = [
            VFSettings(
                mac: try MACAddress("52:54:00:11:22:33"), vlan: .id(vlan), trust: true, spoofCheck: false,
                linkState: .enable, minTxRateMbps: 100, maxTxRateMbps: 1000),
            VFSettings(
                mac: try MACAddress("52:54:00:11:22:34"), vlan: VFSettings.VLANChoice.none, trust: false,
                linkState: .disable, minTxRateMbps: 0, maxTxRateMbps: 10),
            VFSettings(
                vlan: .tag(VLANTag(vlan, qos: 3, protocol: .dot1ad)), spoofCheck: true, linkState: .auto,
                minTxRateMbps: 0, maxTxRateMbps: 0),
            VFSettings(vlan: .tag(VLANTag(vlan, qos: 7)), minTxRateMbps: 0, maxTxRateMbps: 0),
        ]
        let change = try InterfaceLink(index: 1)
        for (index, settings) in wanted.enumerated() { try change.add(settings, ofVF: index, "test") }
        #expect(change.vfSettings(count: 5) == Dictionary(uniqueKeysWithValues: wanted.enumerated().map { ($0, $1) }))
        #expect(try InterfaceLink(index: 1).vfSettings(count: 2) == [:])
    }

    @Test("setting a VF of an interface that has none is refused by the kernel")
    func refused() throws {
        let link = try VFSettingsLink()
        #expect(throws: HostIOError.self) { try link.set(VFSettings(trust: true), ofVF: 0, on: 1) }
    }

    @Test("the loopback interface's MTU is read, and not written when it is so already")
    func mtu() throws {
        let now = try InterfaceLink(reading: 1, through: NetlinkSocket()).mtu
        #expect(now >= 68)
        // Without privilege, the kernel would refuse even this.
        #expect(throws: Never.self) { try VFSettingsLink().setMTU(now, on: 1) }
    }
}

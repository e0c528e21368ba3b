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

    @Test("what is set on a VF is what a reader of the message sees")
    func roundTrip() throws {
        let vlan = try #require(VLANID(42))
        let wanted = [
            0: VFSettings(mac: try MACAddress("52:54:00:11:22:33"), vlan: .id(vlan), trust: true, spoofCheck: false),
            1: VFSettings(mac: try MACAddress("52:54:00:11:22:34"), vlan: VFSettings.VLANChoice.none, trust: false),
        ]
        let change = try InterfaceLink(index: 1)
        for (index, settings) in wanted { try change.add(settings, ofVF: index, "test") }
        #expect(change.vfSettings(count: 2) == wanted)
    }

    @Test("what else a PF reports: a VLAN's priority and protocol where there is one, unknown where nothing is told")
    func report() throws {
        let change = try InterfaceLink(index: 1)
        try change.add(VFSettings(vlan: VLANID(42).map { .id($0) }), ofVF: 0, "test")
        try change.add(VFSettings(trust: true), ofVF: 1, "test")
        #expect(
            change.vfReports(count: 3) == [0: VFReport(vlanQoS: 0, vlanProtocol: "802.1Q"), 1: VFReport()])
        #expect(try InterfaceLink(index: 1).vfReports(count: 2) == [:])
        #expect(try VFSettingsLink().reports(ofVFsOnAnyOf: [1]).isEmpty)
    }

    @Test("setting a VF of an interface that has none is refused by the kernel")
    func refused() throws {
        let link = try VFSettingsLink()
        #expect(throws: HostIOError.self) { try link.set(VFSettings(trust: true), ofVF: 0, on: 1) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Testing

@testable import HostActions

/// The part of rtnetlink that any machine has; the emulated host tests the part that needs VFs.
@Suite("Changing interfaces over rtnetlink")
struct InterfaceWriterTests {
    @Test("a reader of the message sees the settings that were added to it")
    func roundTrip() throws {
        let vlan = try #require(VLANID(42))
        // libnl drops a rate of 0 and a VLAN of none; both read as what they mean.
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
        let change = try InterfaceLink(changing: 1)
        for (index, settings) in wanted.enumerated() { try change.add(settings, ofVF: index, "test") }
        #expect(change.vfSettings(count: 5) == Dictionary(uniqueKeysWithValues: wanted.enumerated().map { ($0, $1) }))
        #expect(try InterfaceLink(changing: 1).vfSettings(count: 2) == [:])
    }

    @Test("the kernel refuses to set a VF of an interface that has none")
    func refused() throws {
        #expect(throws: HostIOError.self) { try InterfaceWriter().set(VFSettings(trust: true), ofVF: 0, on: 1) }
    }

    @Test("an MTU that is already set is not written")
    func mtu() throws {
        // Nothing has this index: a write would fail.
        #expect(throws: Never.self) { try InterfaceWriter().setMTU(1500, on: 999_999, now: 1500) }
        #expect(throws: HostIOError.self) { try InterfaceWriter().setMTU(1500, on: 999_999, now: nil) }
    }
}

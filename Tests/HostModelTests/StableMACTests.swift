// SPDX-License-Identifier: GPL-3.0-or-later
import HostSimulator
import Testing

@testable import HostModel

@Suite("The stable MAC address of a VF without one")
struct StableMACTests {
    private let machine = "0123456789abcdef0123456789abcdef"

    /// Source: the paper's appendix A, and the first lines of the reference implementation's vectors.
    @Test(
        "the hash is SipHash-2-4, by its authors' test vectors",
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func sipHash(length: Int, hash: UInt64) throws {
        let key = try #require(SipHash.Key(hexadecimal: "000102030405060708090a0b0c0d0e0f"))
        #expect(SipHash.hash((0..<length).map { UInt8($0) }, key: key) == hash)
    }

    /// These never change: a guest recognizes its network cards by them.
    @Test(
        "is the same in every version",
        arguments: [
            ("0000:3b:00.0", 0, "52:82:95:0e:7c:1b"), ("0000:3b:00.0", 1, "f2:56:1b:ef:9c:42"),
            ("10000:01:00.1", 63, "f2:c5:31:aa:c1:ba"),
        ])
    func vectors(pf: String, index: Int, mac: String) throws {
        let virtual = VirtualFunction(physicalFunction: try PCIAddress(pf), index: index)
        #expect(MACAddress.stable(for: virtual, machineID: machine)?.description == mac)
    }

    @Test("is an individual, locally administered address, and different for every VF, PF and host")
    func distinct() {
        var seen: Set<MACAddress> = []
        for host in 0..<20 {
            for card: PCIAddress in ["0000:3b:00.0", "0000:3b:00.1", "0000:af:00.0"] {
                for index in 0..<64 {
                    let virtual = VirtualFunction(physicalFunction: card, index: index)
                    guard let mac = MACAddress.stable(for: virtual, machineID: host.hex(32)) else { continue }
                    #expect(mac.octets[0] & 0x0f == 2 && !mac.isMulticast && !mac.isZero)
                    seen.insert(mac)
                }
            }
        }
        #expect(seen.count == 20 * 3 * 64)
    }

    @Test("a VF has none without a valid machine id", arguments: ["", "m1", "0123456789abcdef0123456789abcdeg"])
    func noMachine(id: String) {
        #expect(MACAddress.stable(for: VirtualFunction(physicalFunction: pf, index: 0), machineID: id) == nil)
    }
}

@Suite("The settings of a claimed VF")
struct ClaimedSettingsTests {
    private let identity = HostIdentity(name: "a", machineID: "0123456789abcdef0123456789abcdef")

    private func function(_ present: VFSettings?, classCode: UInt32 = 0x020000) -> Function {
        Function(
            address: "0000:3b:10.0", identity: Identity(vendor: 0x8086, device: 0x10ca, classCode: classCode),
            role: .virtualFunction(VirtualFunction(physicalFunction: pf, index: 0)), vfSettings: present)
    }

    private func settings(_ asked: VFSettings, of function: Function, defaults: VFSettings = VFSettings()) -> VFSettings
    {
        let pool = Pool(name: "p", selector: Selector(), defaults: defaults)
        return ClaimRequest(pool: pool, owner: .name("o"), settings: asked).settings(for: function, on: identity)
    }

    @Test("the request comes first, then the pool, then the VF's own values, then the stable MAC address")
    func order() {
        let tag = VFSettings.VLANChoice.tag(VLANTag(written("7"), qos: 2))
        let present = VFSettings(mac: "52:54:00:00:00:07", vlan: tag, trust: false, spoofCheck: true)
        #expect(
            settings(
                VFSettings(trust: true), of: function(present), defaults: VFSettings(trust: false, maxTxRateMbps: 9))
                == VFSettings(mac: "52:54:00:00:00:07", vlan: tag, trust: true, maxTxRateMbps: 9))
        let bare = VFSettings(mac: MACAddress(rawValue: 0), vlan: VFSettings.VLANChoice.none)
        let stable = MACAddress.stable(
            for: VirtualFunction(physicalFunction: pf, index: 0), machineID: identity.machineID ?? "")
        #expect(stable != nil)
        #expect(settings(VFSettings(), of: function(bare)) == VFSettings(mac: stable))
        #expect(
            settings(VFSettings(mac: "52:54:00:11:22:33"), of: function(bare)) == VFSettings(mac: "52:54:00:11:22:33"))
    }

    @Test("nothing is added for a function that is not a network VF, or whose PF reports no settings")
    func unsettable() {
        let defaults = VFSettings(trust: true)
        #expect(settings(VFSettings(), of: function(nil, classCode: 0x010802), defaults: defaults).isEmpty)
        #expect(settings(VFSettings(), of: function(nil)).isEmpty)
        let whole = Function(address: pf, identity: Identity(vendor: 1, device: 2, classCode: 0x020000))
        #expect(settings(VFSettings(), of: whole, defaults: defaults).isEmpty)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

/// A PF that sets nothing for its VFs, as virtio-net's: its VFs show no settings.
@Suite("Settings of VFs that their PF cannot set")
struct UnenforcedSettingsTests {
    private let pf: PCIAddress = "0000:3b:00.0"
    private let host: HostSimulator
    private let settings = VFSettings(mac: "52:54:00:11:22:33")

    init() throws {
        host = HostSimulator {
            $0.pf("0000:3b:00.0", totalVFs: 7, driver: "virtio-pci", interface: nil)
            $0.pf("0000:af:00.0", totalVFs: 7)
        }
        for pf: PCIAddress in ["0000:3b:00.0", "0000:af:00.0"] {
            try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
            try host.meanwhile(.setVFCount(physicalFunction: pf, count: 1))
        }
    }

    private func chosen(_ selector: Selector, _ settings: VFSettings, defaults: VFSettings = VFSettings())
        throws(Refusal) -> [PCIAddress]
    {
        let pool = Pool(name: "vfs", selector: selector, defaults: defaults)
        let request = ClaimRequest(pool: pool, owner: .name("fw1"), settings: settings)
        return try Placement.choose(for: request, on: host.now, holdings: Holdings()).map(\.address)
    }

    @Test("a claim with settings is refused with the PF and its driver; one without is not")
    func claims() throws {
        let vf = Selector(addresses: ["0000:3b:10.0"])
        let refusal = Refusal.function(
            "0000:3b:10.0", .settingsNotEnforced(physicalFunction: pf, driver: "virtio-pci"))
        #expect(throws: refusal) { try chosen(vf, settings) }
        #expect(throws: refusal) { try chosen(vf, VFSettings(), defaults: VFSettings(spoofCheck: true)) }
        #expect(try chosen(vf, VFSettings()) == ["0000:3b:10.0"])
    }

    @Test("of a pool with VFs of another card, a claim with settings gets one of these")
    func otherCard() throws {
        let vfs = Selector(kinds: [.virtualFunction])
        #expect(try chosen(vfs, settings) == ["0000:af:10.0"])
        #expect(try chosen(vfs, VFSettings()) == ["0000:3b:10.0"])
    }

    @Test("readiness says what is missing, not that the PF is")
    func readiness() {
        #expect(
            throws: Refusal.function(
                "0000:3b:10.0", .settingsNotEnforced(physicalFunction: pf, driver: "virtio-pci"))
        ) { try ClaimPlanner.ready("0000:3b:10.0", as: settings, on: host.now) }
    }

    @Test("such a VF is no interface for libvirt, which would set its MAC address")
    func interface() throws {
        func isNetwork(_ address: PCIAddress) throws -> Bool? {
            let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))
            let function = try #require(host.now[address])
            let draft = ClaimDraft(
                request: ClaimRequest(pool: pool, owner: .name("fw1")),
                slots: [.init(function: function, settings: VFSettings(), numaNode: function.numaNode)], isReady: true)
            return try draft.assignments(inClaim: "c1", beside: NoRecords()).first?.isNetwork
        }
        #expect(try isNetwork("0000:3b:10.0") == false)
        #expect(try isNetwork("0000:af:10.0") == true)
    }

    @Test("declared settings are refused before VFs are made")
    func declared() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, driver: "virtio-pci") }
        let desired = DesiredState(physicalFunctions: [
            PFDeclaration(
                selector: Selector(addresses: [pf]), vfCount: 1,
                vfs: [VFDeclaration(range: try VFRange("0"), settings: VFSettings(trust: true))])
        ])
        #expect(throws: Refusal.declaration(.settingsNotEnforced(pf, driver: "virtio-pci"))) {
            try Planner.plan(for: desired, on: host.now, holdings: Holdings())
        }
    }
}

private struct NoRecords: ClaimRecords {
    func functionCount(ofOwner owner: Owner, inPool pool: String) -> Int { 0 }
    func functionCount(ofUser uid: Int, inPool pool: String) -> Int { 0 }
    func firstClaim(ofOwner owner: Owner) -> (id: String, uid: Int?)? { nil }
    func claim(ofDevice name: String, ownedBy owner: Owner) -> String? { nil }
    func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) -> [Holdings.ClaimReference] { [] }
}

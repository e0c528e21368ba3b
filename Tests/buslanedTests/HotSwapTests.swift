// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Another card at an address while the host runs")
struct HotSwapTests {
    private static let drive: PCIAddress = "0000:05:00.0"

    /// A drive with a claim whose guest is off. Then the bay gets another drive of the same model.
    private func swapped(_ serial: UInt64 = 0xb1) async throws -> (Scene, Claim) {
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.function(Self.drive, driver: "nvme", numa: 0, classCode: 0x010802)
            })
        try scene.configure("pools: [{ name: drives, select: { addresses: [\"\(Self.drive)\"] } }]")
        scene.host.swap(Self.drive, serial: SerialNumber(rawValue: 0xa1))
        try await scene.daemon.cards.recovery.recover()
        let claim = try await scene.allocate(
            from: Pool(name: "drives", selector: Selector(addresses: [Self.drive])))
        #expect(scene.host.now[Self.drive]?.driver == "vfio-pci")
        scene.host.pull(Self.drive)
        scene.host.plug(Self.drive)
        scene.host.swap(Self.drive, serial: SerialNumber(rawValue: serial))
        return (scene, claim)
    }

    private func expectUntouched(_ scene: Scene) async throws {
        #expect(scene.host.now[Self.drive]?.driver == "nvme")
        #expect(scene.host.now[Self.drive]?.driverOverride == nil)
        #expect(CardDoubt.isReason(try await scene.ledger.quarantine()[Self.drive]))
    }

    @Test("its arrival is compared before drift is repaired")
    func arrival() async throws {
        let (scene, _) = try await swapped()
        await scene.daemon.cards.drift.check(on: [Self.drive], afterArrival: true)
        try await expectUntouched(scene)
        #expect(try await !scene.ledger.events().map(\.kind).contains(.repaired))
    }

    @Test("no repair binds it before its arrival is known")
    func repair() async throws {
        let (scene, _) = try await swapped()
        await scene.daemon.cards.drift.check()
        try await expectUntouched(scene)
    }

    @Test("no start binds it before its arrival is known, and the refusal says how to go on")
    func start() async throws {
        let (scene, claim) = try await swapped()
        let refusal = await #expect(throws: Refusal.self) { try await scene.daemon.use.begin([claim]) }
        try await expectUntouched(scene)
        #expect(refusal?.report.code == "quarantined")
        #expect(refusal?.report.remedy?.contains("buslane claims rebind c1 --here") == true)
        let found = try await scene.daemon.cards.findings.findings().filter { $0.code == "in-quarantine" }
        #expect(found.map(\.subject) == ["\(Self.drive)"])
        #expect(found.first?.remedy?.contains("buslane claims rebind c1 --here") == true)
        let rebound = try await scene.daemon.rebinding.rebind("c1", to: .here, by: Scene.root)
        #expect(rebound.assignments.first?.card?.serial == SerialNumber(rawValue: 0xb1))
        #expect(scene.host.now[Self.drive]?.driver == "vfio-pci")
    }

    @Test("a release does not change it, and leaves no doubt")
    func release() async throws {
        let (scene, claim) = try await swapped()
        let actions = scene.host.actions.count
        try await scene.release(claim)
        #expect(scene.host.actions.count == actions)
        #expect(try await scene.ledger.quarantine().isEmpty)
    }

    @Test("the same drive, plugged in again, is made ready again")
    func same() async throws {
        let (scene, claim) = try await swapped(0xa1)
        await scene.daemon.cards.drift.check(on: [Self.drive], afterArrival: true)
        #expect(scene.host.now[Self.drive]?.driver == "vfio-pci")
        try await scene.daemon.use.begin([claim])
        try await scene.expectAtRest()
    }

    @Test("VFs of another card at the addresses of one that is away are not the claim's", arguments: [false, true])
    func otherVFs(isRepaired: Bool) async throws {
        // The second card's VFs begin where those of the first one do.
        let second: PCIAddress = "0000:3b:01.0"
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, serial: SerialNumber(rawValue: 0xa1))
                $0.pf(second, totalVFs: 7, numa: 0, offset: 120, serial: SerialNumber(rawValue: 0xa2))
            })
        try await scene.daemon.cards.recovery.recover()
        try await scene.apply(Scene.declaring(2, vfDriver: "vfio-pci"))
        let claim = try await scene.allocate(settings: VFSettings(trust: true))
        let address = try #require(claim.assignments.first?.address)
        scene.host.pull(Scene.card)
        var others = Scene.declaring(2, of: second, vfDriver: "igbvf")
        others.isPartial = true
        try await scene.apply(others)
        if isRepaired {
            // Made once more, by a repair.
            try await scene.ledger.liftQuarantine(of: address, detail: "for the test")
            try scene.host.meanwhile(.setVFCount(physicalFunction: second, count: 0))
        }
        await scene.daemon.cards.drift.check()
        #expect(CardDoubt.isReason(try await scene.ledger.quarantine()[address]))
        await #expect(throws: Refusal.self) { try await scene.daemon.use.begin([claim]) }
        try await scene.release(claim)
        let function = scene.host.now[address]
        #expect(function?.virtualFunction == VirtualFunction(physicalFunction: second, index: 0))
        #expect(function?.driver == "igbvf" && function?.vfSettings?.trust == false)
        #expect(scene.host.resets(of: address) == 0)
        #expect(try await scene.ledger.quarantine().isEmpty)
        try await scene.expectAtRest()
    }

    @Test("what counts as an arrival")
    func arrivals() {
        let model = Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000)
        func change(_ before: Function?, _ after: Function?) -> Bool {
            FunctionChange(address: Self.drive, before: before, after: after).isArrival
        }
        let drive = Function(address: Self.drive, identity: model, serialNumber: SerialNumber(rawValue: 1))
        let other = Function(address: Self.drive, identity: model, serialNumber: SerialNumber(rawValue: 2))
        let vf = Function(
            address: Self.drive, identity: model,
            role: .virtualFunction(VirtualFunction(physicalFunction: Scene.card, index: 0)))
        #expect(change(nil, drive) && change(drive, other))
        #expect(!change(drive, nil) && !change(nil, vf))
        var bound = drive
        bound.driver = "vfio-pci"
        #expect(!change(drive, bound))
    }
}

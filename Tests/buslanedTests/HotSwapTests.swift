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

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("After the ledger was lost")
struct RebuildTests {
    private let loss = LedgerFile.Loss(reason: "torn", keptAs: "ledger.sqlite.unreadable")

    /// A daemon without a ledger, and a host: a domain has the first VF, and the third is on VFIO without an owner.
    private func forgetful() async throws -> (scene: Scene, domain: Domain, claim: Claim) {
        let before = try Scene()
        try await before.apply(Scene.declaring(4))
        let claim = try await before.allocate(
            for: .domain(uuid: Domain.uuid), settings: VFSettings(mac: "52:54:00:11:22:33"), name: "data0")
        _ = try await before.allocate(2, for: .name("somebody"))
        let scene = try Scene(before.host.restart())
        try await scene.daemon.lostOwners.quarantineUnaccounted(after: .lost(loss))
        try await scene.daemon.cards.recovery.recover()
        return (scene, try Domain.guest(having: claim.assignments), claim)
    }

    @Test("functions that may have an owner are not allocated, all others are")
    func setAside() async throws {
        let (scene, _, _) = try await forgetful()
        #expect(Set(try await scene.ledger.holdings().quarantine.keys) == Set(Scene.vf.prefix(3)))
        #expect(try await scene.allocate().assignments.map(\.address) == [Scene.vf[3]])
        await #expect(throws: Refusal.self) { try await scene.allocate() }
        #expect(try await scene.ledger.events().contains { $0.kind == .degraded && $0.subject == "ledger" })
    }

    @Test("a domain gets the claims of its XML again and may start; the next owner sees no trace of it")
    func adopts() async throws {
        let (scene, domain, claim) = try await forgetful()
        #expect(try await scene.daemon.lostOwners.areMissing())
        let adopted = try #require(try await scene.daemon.lostOwners.adopt(devicesOf: domain))
        #expect(adopted.owner == claim.owner && adopted.assignments.map(\.name) == ["data0"])
        #expect(adopted.assignments.map(\.address) == claim.assignments.map(\.address))
        // A second time it is not needed.
        #expect(try await scene.daemon.lostOwners.adopt(devicesOf: domain) == nil)
        try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        try await scene.daemon.stopHook.stopped(domain, reason: "shutdown", by: Scene.root)
        try await scene.release(adopted)
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.mac != "52:54:00:11:22:33")
    }

    @Test("a function without an owner is free again after a reset and a check")
    func recovers() async throws {
        let (scene, domain, _) = try await forgetful()
        try await scene.daemon.lostOwners.adopt(devicesOf: domain)
        scene.daemon.lostOwners.endSearch()
        for vf in Scene.vf[1...2] { try await scene.daemon.cards.quarantine.recover(vf, by: Scene.root) }
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
        #expect(try await !scene.daemon.lostOwners.areMissing())
        #expect(try await scene.allocate(3).assignments.count == 3)
    }

    /// A host whose administrator has bound two functions to vfio-pci: a card, and a VF. A first start.
    private func boundByHand() async throws -> Scene {
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0)
                $0.function(Self.gpu, driver: "vfio-pci")
            })
        for action in [
            HostAction.setVFCount(physicalFunction: Scene.card, count: 2), .unbindDriver(Scene.vf[0]),
            .setDriverOverride(Scene.vf[0], driver: "vfio-pci"), .probeDriver(Scene.vf[0]),
        ] { try scene.host.perform(action) }
        return scene
    }

    private static let gpu: PCIAddress = "0000:af:00.0"
    private static let onVFIO = Pool(name: "gpus", selector: Selector(drivers: ["vfio-pci"]))

    @Test("a new ledger: what is on VFIO may have an owner; recover frees it as it is bound")
    func firstStart() async throws {
        let scene = try await boundByHand()
        try await scene.daemon.lostOwners.quarantineUnaccounted(after: .unknown)
        try await scene.daemon.cards.recovery.recover()
        let held = try await scene.ledger.holdings().quarantine
        #expect(Set(held.keys) == [Self.gpu, Scene.vf[0]])
        #expect(Set(held.values) == ["it was on VFIO before Buslane began its ledger, and nobody knows who has it"])
        do {
            _ = try await scene.allocate(from: Self.onVFIO)
            Issue.record("allocated")
        } catch let refusal as Refusal {
            #expect(refusal.report.remedy?.contains("buslane recover") == true, "\(refusal)")
        }
        for address in held.keys {
            try await scene.daemon.cards.quarantine.recover(address, by: Scene.root)
            #expect(scene.host.now[address]?.driver == "vfio-pci")
        }
        #expect(try await scene.allocate(2, from: Self.onVFIO).assignments.count == 2)
    }

    @Test("a ledger that has the past quarantines nothing: a pool's free VFs are on VFIO")
    func recorded() async throws {
        let scene = try await boundByHand()
        try await scene.daemon.lostOwners.quarantineUnaccounted(after: .recorded)
        #expect(try await scene.ledger.quarantine().isEmpty)
        #expect(try await !scene.daemon.lostOwners.areMissing())
    }

    @Test(
        "a domain's device with Buslane's marks, that no claim has, is nobody else's after a loss",
        arguments: [true, false])
    func marks(isLoss: Bool) async throws {
        let before = try Scene()
        try await before.apply(Scene.declaring(2))
        let claim = try await before.allocate(for: .domain(uuid: Domain.uuid), name: "data0")
        let domain = try Domain.guest(having: claim.assignments)
        // After a reboot nothing is on VFIO. The VF was made again with its host driver.
        let scene = try Scene(before.host.reboot())
        try await scene.daemon.lostOwners.quarantineUnaccounted(after: isLoss ? .lost(loss) : .unknown)
        try scene.host.perform(.setVFCount(physicalFunction: Scene.card, count: 2))
        #expect(try await scene.daemon.lostOwners.areMissing())
        #expect(try await scene.daemon.lostOwners.adopt(devicesOf: domain) == nil)
        scene.daemon.lostOwners.endSearch()
        #expect(try await scene.ledger.quarantine().keys.sorted() == [Scene.vf[0]])
        #expect(try await scene.allocate().assignments.map(\.address) == [Scene.vf[1]])
        // Later an unclaimed device is the business of its domain's next start.
        try await scene.daemon.cards.quarantine.recover(Scene.vf[0], by: Scene.root)
        #expect(try await scene.daemon.lostOwners.adopt(devicesOf: domain) == nil)
        #expect(try await scene.ledger.quarantine().isEmpty)
    }
}

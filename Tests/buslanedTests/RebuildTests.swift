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
        try await scene.daemon.lostOwners.quarantineUnaccounted(for: loss)
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
        for vf in Scene.vf[1...2] { try await scene.daemon.cards.quarantine.recover(vf, by: Scene.root) }
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
        #expect(try await !scene.daemon.lostOwners.areMissing())
        #expect(try await scene.allocate(3).assignments.count == 3)
    }
}

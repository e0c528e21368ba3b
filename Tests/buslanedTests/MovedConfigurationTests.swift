// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("A configuration whose addresses mean other cards after a boot")
struct MovedConfigurationTests {
    private static let second: PCIAddress = "0000:3c:00.0"
    private static let third: PCIAddress = "0000:3d:00.0"

    /// Two cards of one model, looked at once and configured.
    private func scene(_ yaml: String) async throws -> Scene {
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, serial: SerialNumber(rawValue: 0xa1))
                $0.pf(Self.second, totalVFs: 7, numa: 0, serial: SerialNumber(rawValue: 0xa2))
            })
        try scene.configure(yaml)
        try await scene.daemon.cards.recovery.recover()
        try await apply(in: scene)
        return scene
    }

    private func apply(in scene: Scene) async throws {
        try await scene.apply(try scene.daemon.configuration.declared())
    }

    private func declaring(_ counts: [(PCIAddress, Int)]) -> String {
        "physicalFunctions:\n"
            + counts.map { "  - { select: { addresses: [\"\($0)\"] }, vfCount: \($1), vfDriver: vfio-pci }\n" }.joined()
    }

    private func booted(_ before: Scene, moving moves: [PCIAddress: PCIAddress]) async throws -> Scene {
        _ = before.host.reboot(moving: moves)
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        await scene.daemon.cards.bootRestore.restore()
        await scene.daemon.cards.drift.check()
        return scene
    }

    private func vfCounts(_ scene: Scene, _ cards: PCIAddress...) -> [Int?] {
        cards.map { scene.host.now[$0]?.sriov?.vfCount }
    }

    private func findings(_ scene: Scene) async throws -> [Finding] {
        try await scene.daemon.cards.findings.findings().filter { $0.code == "address-of-another-card" }
    }

    @Test("what was declared for a card goes with it, and not to the card that has its address now")
    func exchanged() async throws {
        let before = try await scene(declaring([(Scene.card, 2)]))
        #expect(try await findings(before).isEmpty)
        let scene = try await booted(before, moving: [Scene.card: Self.second, Self.second: Scene.card])
        #expect(vfCounts(scene, Scene.card, Self.second) == [0, 2])
        let finding = try #require(try await findings(scene).first)
        #expect(finding.subject == "0000:3b:00.0" && finding.severity == .warning)
        #expect(finding.what.contains("buslane.yaml:2") && finding.what.contains("is at 0000:3c:00.0"))
        #expect(finding.remedy?.contains("name 0000:3c:00.0 there") == true)
        // The old file cannot be applied to the other card by mistake.
        await #expect(throws: Refusal.self) { try await apply(in: scene) }
        #expect(vfCounts(scene, Scene.card, Self.second) == [0, 2])
        // Corrected and applied: the addresses mean what is there.
        try scene.configure(declaring([(Self.second, 2)]))
        try await apply(in: scene)
        #expect(try await findings(scene).isEmpty)
        #expect(try await scene.ledger.quarantine().isEmpty)
        let next = try await booted(scene, moving: [:])
        #expect(vfCounts(next, Scene.card, Self.second) == [0, 2])
        #expect(try await findings(next).isEmpty)
    }

    @Test("cards that all move by one bus keep what each of them had")
    func renumbered() async throws {
        let before = try await scene(declaring([(Scene.card, 2), (Self.second, 3)]))
        let scene = try await booted(before, moving: [Scene.card: Self.second, Self.second: Self.third])
        #expect(vfCounts(scene, Self.second, Self.third) == [2, 3])
        let found = try await findings(scene)
        #expect(found.map(\.subject) == ["0000:3b:00.0", "0000:3c:00.0"])
        #expect(found.first?.what.contains("nothing is there now") == true)
        let again = try scene.next()
        await again.daemon.cards.bootRestore.restore()
        #expect(vfCounts(again, Self.second, Self.third) == [2, 3])
    }

    @Test("a card in place of another one gets no VFs until somebody says that it is meant")
    func replaced() async throws {
        let before = try await scene(declaring([(Scene.card, 2), (Self.second, 3)]))
        before.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xb1))
        let scene = try await booted(before, moving: [:])
        #expect(vfCounts(scene, Scene.card, Self.second) == [0, 3])
        #expect(try await findings(scene).first?.what.contains("is not there any more") == true)
        #expect(try await scene.ledger.quarantine().isEmpty)
        try await apply(in: scene)
        #expect(vfCounts(scene, Scene.card, Self.second) == [2, 3])
        #expect(try await findings(scene).isEmpty)
    }

    @Test("a card in the place of another one is free again when the other one is back, or a recorded one is there")
    func strangers() async throws {
        let fourth: PCIAddress = "0000:3e:00.0"
        let before = try Scene(
            HostSimulator {
                for (card, serial) in [(Scene.card, 0xa1), (Self.second, 0xa2), (Self.third, 0xa3)] {
                    $0.pf(card, totalVFs: 7, serial: SerialNumber(rawValue: UInt64(serial)))
                }
            })
        try before.configure(declaring([(Scene.card, 2), (Self.third, 3)]))
        try await before.daemon.cards.recovery.recover()
        try await apply(in: before)
        // The second card, of which nothing is recorded, comes to the first one's address.
        func displaced(_ scene: Scene) async throws -> Scene {
            let next = try await booted(scene, moving: [Scene.card: fourth, Self.second: Scene.card])
            #expect(CardDoubt.isStranger(try await next.ledger.quarantine()[Scene.card]))
            let again = try await booted(next, moving: [:])
            #expect(CardDoubt.isStranger(try await again.ledger.quarantine()[Scene.card]))
            return again
        }
        let back = try await booted(try await displaced(before), moving: [fourth: Scene.card, Scene.card: Self.second])
        #expect(try await back.ledger.quarantine().isEmpty)
        #expect(vfCounts(back, Scene.card, Self.second, Self.third) == [2, 0, 3])
        let other = try await booted(
            try await displaced(back), moving: [Scene.card: Self.second, Self.third: Scene.card])
        #expect(try await other.ledger.quarantine().isEmpty)
        #expect(vfCounts(other, Scene.card, Self.second, fourth) == [3, 0, 2])
    }

    @Test("cards that only their MAC addresses mark are compared again when their drivers are there")
    func lateDrivers() async throws {
        let before = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, mac: "02:00:00:00:00:01", hasSlot: false)
                $0.pf(Self.second, totalVFs: 7, numa: 0, mac: "02:00:00:00:00:02", hasSlot: false)
            })
        try before.configure(declaring([(Scene.card, 2), (Self.second, 3)]))
        try await before.daemon.cards.recovery.recover()
        try await apply(in: before)
        _ = before.host.reboot(moving: [Scene.card: Self.second, Self.second: Scene.card])
        let scene = try before.next()
        for card in [Scene.card, Self.second] { scene.host.lateDriver(nil, of: card) }
        scene.host.onWait { host in for card in [Scene.card, Self.second] { host.lateDriver("igb", of: card) } }
        try await scene.daemon.cards.recovery.recover()
        #expect(try await !scene.ledger.quarantine().isEmpty)
        await scene.daemon.cards.bootRestore.restore(patience: .seconds(30))
        #expect(vfCounts(scene, Scene.card, Self.second) == [3, 2])
        #expect(try await scene.ledger.quarantine().isEmpty)
        #expect(try await findings(scene).map(\.subject) == ["0000:3b:00.0", "0000:3c:00.0"])
    }

    @Test("pools are compared too, without a claim or a declaration, and plan says the same")
    func pools() async throws {
        let before = try await scene("pools: [{ name: fast, select: { physicalFunctions: [\"0000:3b:00.0\"] } }]")
        let scene = try await booted(before, moving: [Scene.card: Self.second, Self.second: Scene.card])
        let finding = try #require(try await findings(scene).first)
        #expect(finding.what.hasPrefix("pool 'fast' names 0000:3b:00.0, and another card is there now"))
        let plan = try await scene.daemon.cards.apply.plan(for: try scene.daemon.configuration.declared())
        #expect(plan.isEmpty && plan.notes.count == 1 && plan.notes[0].hasPrefix(finding.what))
        // Back at its place.
        let back = try await booted(scene, moving: [Scene.card: Self.second, Self.second: Scene.card])
        #expect(try await findings(back).isEmpty)
    }
}

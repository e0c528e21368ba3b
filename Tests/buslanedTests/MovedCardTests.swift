// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel
import HostSimulator
import Testing

@testable import Ledger
@testable import buslaned

@Suite("Cards that have other addresses after a boot")
struct MovedCardTests {
    private static let second: PCIAddress = "0000:3c:00.0"
    private static let third: PCIAddress = "0000:3d:00.0"
    private static let settings = VFSettings(trust: true)

    /// Two cards of one model, each with a VF of its own for a claim.
    private func scene(serials: Bool = true, hasSlot: Bool = true) async throws -> Scene {
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(
                    Scene.card, totalVFs: 7, numa: 0, serial: serials ? SerialNumber(rawValue: 0xa1) : nil,
                    hasSlot: hasSlot)
                $0.pf(
                    Self.second, totalVFs: 7, numa: 0, serial: serials ? SerialNumber(rawValue: 0xa2) : nil,
                    hasSlot: hasSlot)
            })
        try await scene.apply(
            DesiredState(
                physicalFunctions: [Scene.card, Self.second].map {
                    PFDeclaration(selector: Selector(addresses: [$0]), vfCount: 2, vfDriver: "vfio-pci")
                }))
        for card in [Scene.card, Self.second] {
            let pool = Pool(
                name: "of \(card)", selector: Selector(physicalFunctions: [PFSlice(card)], kinds: [.virtualFunction]))
            _ = try await scene.allocate(settings: Self.settings, from: pool)
        }
        return scene
    }

    private func rebooted(_ scene: Scene, moving moves: [PCIAddress: PCIAddress]) throws -> Scene {
        _ = scene.host.reboot(moving: moves)
        return try scene.next()
    }

    private func cards(_ scene: Scene) async throws -> [PCIAddress?] {
        try await scene.ledger.claims().map { $0.assignments.first?.virtualFunction?.physicalFunction }
    }

    private func addresses(_ scene: Scene) async throws -> [String?] {
        try await scene.ledger.claims().map { $0.assignments.first?.address.description }
    }

    @Test("nothing is written when each card is where it was")
    func same() async throws {
        let before = try await scene()
        let scene = try rebooted(before, moving: [:])
        let audit = try await scene.ledger.trail.newest()
        try await scene.daemon.cards.recovery.recover()
        #expect(try await scene.ledger.trail.newest() == audit)
        #expect(try await scene.ledger.quarantine().isEmpty)
        #expect(try await cards(scene) == [Scene.card, Self.second])
    }

    @Test("claims, originals and declarations go with their card to the next bus, though the bus had another card")
    func renumbered() async throws {
        let before = try await scene()
        let scene = try rebooted(before, moving: [Scene.card: Self.second, Self.second: Self.third])
        try await scene.daemon.cards.recovery.recover()
        #expect(try await cards(scene) == [Self.second, Self.third])
        #expect(try await addresses(scene) == ["0000:3c:10.0", "0000:3d:10.0"])
        #expect(Set(try await scene.ledger.holdings().originals.keys) == [Self.second, Self.third])
        let declared = try await scene.ledger.declared()
        #expect(declared.mapValues(\.selector.addresses) == [Self.second: [Self.second], Self.third: [Self.third]])
        #expect(try await scene.ledger.quarantine().isEmpty)
        let moves = try await scene.ledger.trail.newest().filter { $0.verb == "move" }
        #expect(moves.map(\.subject) == ["0000:3c:00.0", "0000:3d:00.0"])
        #expect(moves.allSatisfy { $0.detail.contains("serial number") && $0.detail.contains("c") })
        // The VFs of the next boot are the claimed ones.
        try await scene.apply(
            DesiredState(
                physicalFunctions: [Self.second, Self.third].map {
                    PFDeclaration(selector: Selector(addresses: [$0]), vfCount: 2, vfDriver: "vfio-pci")
                }))
        await scene.daemon.cards.bootRestore.restore()
        #expect(scene.host.now["0000:3d:10.0"]?.vfSettings?.trust == true)
        #expect(scene.host.now["0000:3d:10.1"]?.vfSettings?.trust == false)
        try await scene.expectAtRest()
    }

    @Test("two cards that change places take their claims along")
    func exchanged() async throws {
        let before = try await scene()
        let scene = try rebooted(before, moving: [Scene.card: Self.second, Self.second: Scene.card])
        try await scene.daemon.cards.recovery.recover()
        #expect(try await cards(scene) == [Self.second, Scene.card])
        #expect(try await scene.ledger.quarantine().isEmpty)
    }

    @Test("cards without marks follow their slots")
    func bySlot() async throws {
        let before = try await scene(serials: false)
        let scene = try rebooted(before, moving: [Scene.card: Self.second, Self.second: Self.third])
        try await scene.daemon.cards.recovery.recover()
        #expect(try await cards(scene) == [Self.second, Self.third])
    }

    @Test(
        "another card in the place: its functions are in quarantine, starts are refused, and nothing of it is changed")
    func swapped() async throws {
        let before = try await scene()
        _ = before.host.reboot()
        before.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xb1))
        let scene = try before.next()
        try scene.configure("pools: []")
        try await scene.daemon.cards.recovery.recover()
        let quarantine = try await scene.ledger.quarantine()
        #expect(quarantine.keys.sorted() == [Scene.card, "0000:3b:10.0"])
        #expect(quarantine.values.allSatisfy { CardDoubt.isReason($0) && $0.contains("c1") })
        let claim = try #require(try await scene.ledger.claim("c1"))
        await #expect(throws: Refusal.self) { try await scene.daemon.use.begin([claim]) }
        let actions = scene.host.actions.count
        await scene.daemon.cards.bootRestore.restore()
        await scene.daemon.cards.drift.check()
        #expect(scene.host.actions.dropFirst(actions).allSatisfy { $0.subject != Scene.card })
        // A second look changes nothing, and the claim can be given up without a change of the other card.
        try await scene.daemon.cards.recovery.recover()
        #expect(try await scene.ledger.quarantine() == quarantine)
        let steps = scene.host.actions.count
        try await scene.release(claim)
        #expect(scene.host.actions.count == steps)
        // Nothing of the card that is gone is claimed any more: the other one is free, and none of its state is the old one's.
        #expect(try await scene.ledger.quarantine().isEmpty)
        #expect(try await scene.ledger.holdings().originals[Scene.card] == nil)
        #expect(try await scene.ledger.declared()[Scene.card] == nil)
    }

    @Test("recover of the PF says that the new card is the one that is meant")
    func replaced() async throws {
        let before = try await scene()
        _ = before.host.reboot()
        before.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xb1))
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        try await scene.daemon.cards.quarantine.recover(Scene.card, by: Scene.root)
        #expect(try await scene.ledger.quarantine().isEmpty)
        #expect(try await scene.ledger.claim("c1")?.assignments[0].card?.serial == SerialNumber(rawValue: 0xb1))
    }

    @Test("the doubt ends when the card is back")
    func back() async throws {
        let before = try await scene()
        _ = before.host.reboot()
        before.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xb1))
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        #expect(try await !scene.ledger.quarantine().isEmpty)
        _ = scene.host.reboot()
        scene.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xa1))
        let next = try scene.next()
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.quarantine().isEmpty)
        #expect(try await cards(next) == [Scene.card, Self.second])
    }

    @Test("a doubt about a function that is in quarantine already hides the first reason, and leaves it there")
    func besides() async throws {
        let before = try await scene()
        let function: PCIAddress = "0000:3b:10.0"
        try await before.ledger.quarantine(function, reason: "could not be restored")
        _ = before.host.reboot()
        before.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xb1))
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        #expect(CardDoubt.isReason(try await scene.ledger.quarantine()[function]))
        #expect(
            try await scene.ledger.cards.recorded(bootID: "b").filter(\.isInDoubt).map(\.address).contains(Scene.card))
        // The next look writes nothing.
        let audit = try await scene.ledger.trail.newest()
        try await scene.daemon.cards.recovery.recover()
        #expect(try await scene.ledger.trail.newest() == audit)
        _ = scene.host.reboot()
        scene.host.swap(Scene.card, serial: SerialNumber(rawValue: 0xa1))
        let next = try scene.next()
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.quarantine() == [function: "could not be restored"])
    }

    @Test("two identical cards without serial number, MAC address and slot: both are in quarantine")
    func ambiguous() async throws {
        let before = try await scene(serials: false, hasSlot: false)
        let scene = try rebooted(before, moving: [Self.second: Self.third])
        try await scene.daemon.cards.recovery.recover()
        #expect(
            try await Set<PCIAddress>(["0000:3b:10.0", "0000:3c:10.0"]).isSubset(of: scene.ledger.quarantine().keys))
        #expect(try await cards(scene) == [Scene.card, Self.second])
    }

    @Test("identical cards that nothing marks are certain while none of them came, went or moved")
    func identical() async throws {
        let first = try await scene(serials: false, hasSlot: false)
        try await first.daemon.cards.recovery.recover()
        #expect(try await first.ledger.quarantine().isEmpty)
        let restarted = try first.next()
        try await restarted.daemon.cards.recovery.recover()
        #expect(try await restarted.ledger.quarantine().isEmpty)
        let rebooted = try restarted.next(reboot: true)
        try await rebooted.daemon.cards.recovery.recover()
        #expect(try await rebooted.ledger.quarantine().isEmpty)
        let moved = try self.rebooted(rebooted, moving: [Self.second: Self.third])
        try await moved.daemon.cards.recovery.recover()
        let doubts = try await moved.ledger.quarantine()
        #expect(doubts.keys.contains("0000:3b:10.0"))
        // The next look in that boot, and the next boot, leave it at that.
        for reboot in [false, true] {
            let next = try moved.next(reboot: reboot)
            try await next.daemon.cards.recovery.recover()
            #expect(try await next.ledger.quarantine() == doubts)
        }
    }

    @Test("a card that was taken out gives its address to the one that follows")
    func takenOut() async throws {
        let before = try await scene()
        _ = before.host.reboot(moving: [Self.second: Scene.card])
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        let places = try await cards(scene)
        #expect(places.last == Scene.card)
        #expect(places.first??.domain == UInt32.max)
    }

    @Test("an old ledger's rows get an identity in their own boot, and two alike are in doubt in another one")
    func withoutIdentity() async throws {
        let before = try await scene()
        try await before.ledger.forgetCards()
        let same = try before.next()
        try await same.daemon.cards.recovery.recover()
        #expect(try await same.ledger.claims().allSatisfy { $0.assignments[0].card?.serial != nil })
        try await same.ledger.forgetCards()
        let other = try same.next(reboot: true)
        try await other.daemon.cards.recovery.recover()
        #expect(try await other.ledger.quarantine().keys.contains("0000:3b:10.0"))
        // Still in doubt at the next look, which is in the same boot.
        let again = try other.next()
        try await again.daemon.cards.recovery.recover()
        #expect(try await again.ledger.quarantine().keys.contains("0000:3b:10.0"))
    }

    @Test("a process that ends at any call of that boot leaves each claim on its card")
    func crashes() async throws {
        for call in 1..<40 {
            let before = try await scene()
            let scene = try rebooted(before, moving: [Scene.card: Self.second, Self.second: Self.third])
            scene.crash(at: call)
            try? await scene.daemon.cards.recovery.recover()
            await scene.daemon.cards.bootRestore.restore()
            guard scene.host.hasCrashed else { break }
            let next = try scene.restarted()
            try await next.daemon.cards.recovery.recover()
            #expect(try await cards(next) == [Self.second, Self.third], "call \(call)")
            #expect(try await next.ledger.quarantine().isEmpty, "call \(call)")
        }
    }
}

extension Ledger {
    /// Makes the rows those of a version that recorded no identities.
    fileprivate func forgetCards() async throws {
        try await database.write { db in
            for table in ["assignment", "original", "declared"] {
                try db.execute(sql: "UPDATE \(table) SET card = NULL")
            }
        }
    }
}

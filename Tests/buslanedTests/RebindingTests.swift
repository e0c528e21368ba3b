// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Claims that an operator rebinds")
struct RebindingTests {
    private static let second: PCIAddress = "0000:3c:00.0"
    private static let third: PCIAddress = "0000:3d:00.0"
    private static let pools = """
        pools:
          - { name: first, select: { vendors: ["8086"], kinds: [virtual-function] } }
          - { name: other, select: { physicalFunctions: ["0000:3b:00.0"], kinds: [virtual-function] } }
        """

    /// Two identical cards that only their addresses identify. The first one has claim c1, the second one c2.
    private func scene() async throws -> Scene {
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, hasSlot: false)
                $0.pf(Self.second, totalVFs: 7, numa: 0, hasSlot: false)
            })
        try scene.configure(Self.pools)
        try await scene.daemon.cards.recovery.recover()
        try await declare([Scene.card, Self.second], in: scene)
        for (owner, card) in [("one", Scene.card), ("two", Self.second)] {
            let pool = Pool(
                name: "first", selector: Selector(physicalFunctions: [PFSlice(card)], kinds: [.virtualFunction]))
            _ = try await scene.allocate(for: .name(owner), settings: VFSettings(trust: true), from: pool)
        }
        return scene
    }

    private func declare(_ cards: [PCIAddress], in scene: Scene) async throws {
        var desired = DesiredState(
            physicalFunctions: cards.map {
                PFDeclaration(selector: Selector(addresses: [$0]), vfCount: 2, vfDriver: "vfio-pci")
            })
        desired.isPartial = true
        try await scene.apply(desired)
    }

    /// After a boot in which the second card has another bus, and nothing tells which card is which.
    private func inDoubt() async throws -> Scene {
        let before = try await scene()
        _ = before.host.reboot(moving: [Self.second: Self.third])
        let scene = try before.next()
        try await scene.daemon.cards.recovery.recover()
        #expect(try await scene.ledger.quarantine().keys.contains("0000:3b:10.0"))
        return scene
    }

    @discardableResult
    private func rebind(_ claim: String, _ target: Rebinding.Target, in scene: Scene) async throws -> Claim {
        try await scene.daemon.rebinding.rebind(claim, to: target, by: Scene.root)
    }

    private func refusal(_ claim: String, _ target: Rebinding.Target, in scene: Scene) async -> Refusal? {
        await #expect(throws: Refusal.self) { try await rebind(claim, target, in: scene) }
    }

    @Test("here: the card at the recorded address is the one that is meant, for all that is recorded of it")
    func here() async throws {
        let scene = try await inDoubt()
        let claim = try await rebind("c1", .here, in: scene)
        #expect(claim.assignments.map(\.address) == ["0000:3b:10.0"])
        let quarantine = try await scene.ledger.quarantine()
        #expect(quarantine[Scene.card] == nil && quarantine["0000:3b:10.0"] == nil)
        try await declare([Scene.card], in: scene)
        try await scene.daemon.use.begin([claim])
        let entry = try #require(try await scene.ledger.trail.newest().first { $0.verb == "rebind" })
        #expect(entry.subject == "c1" && entry.result == "done")
        // No other doubt ends by it, and none begins at the next look or in the next boot.
        #expect(try await scene.ledger.claim("c2")?.assignments.map(\.address) == ["0000:3c:10.0"])
        for reboot in [false, true] {
            let next = try scene.next(reboot: reboot)
            try await next.daemon.cards.recovery.recover()
            #expect(try await next.ledger.quarantine()["0000:3b:10.0"] == nil)
        }
    }

    @Test("a PF names its VF with the claim's index, though it has no VFs yet")
    func physicalFunction() async throws {
        let scene = try await inDoubt()
        let claim = try await rebind("c2", .function(Self.third, device: nil), in: scene)
        #expect(claim.assignments.map(\.address) == ["0000:3d:10.0"])
        #expect(claim.assignments.first?.virtualFunction?.physicalFunction == Self.third)
        try await rebind("c1", .here, in: scene)
        try await declare([Scene.card, Self.third], in: scene)
        let claims = try await scene.ledger.claims()
        try await scene.daemon.use.begin(claims)
        #expect(scene.host.now["0000:3d:10.0"]?.vfSettings?.trust == true)
        #expect(try await scene.ledger.quarantine().isEmpty)
        try await scene.expectAtRest()
    }

    @Test("a function that exists is made ready, and a release restores what it was found in")
    func function() async throws {
        let scene = try await inDoubt()
        try await declare([Self.third], in: scene)
        let claim = try await rebind("c2", .function("0000:3d:10.1", device: nil), in: scene)
        #expect(scene.host.now["0000:3d:10.1"]?.vfSettings?.trust == true)
        #expect(claim.assignments.first?.virtualFunction?.index == 1)
        try await scene.release(claim)
        #expect(scene.host.now["0000:3d:10.1"]?.vfSettings?.trust == false)
        try await scene.expectAtRest()
    }

    @Test("what a claim cannot have is refused, and nothing is changed")
    func refused() async throws {
        let scene = try await inDoubt()
        try await declare([Self.third], in: scene)
        let (claims, quarantine) = (try await scene.ledger.claims(), try await scene.ledger.quarantine())
        func refusal(_ address: PCIAddress) async -> Refusal? {
            await self.refusal("c1", .function(address, device: nil), in: scene)
        }
        #expect(await refusal("0000:99:00.0") == .function("0000:99:00.0", .unknown))
        // Of c2, which has its recorded address until somebody says another one.
        let held = FunctionObstacle.heldByClaim(claim: "c2", owner: "two")
        try await rebind("c2", .function("0000:3d:10.0", device: nil), in: scene)
        #expect(await refusal("0000:3d:10.0") == .function("0000:3d:10.0", held))
        #expect(await refusal("0000:3d:00.0") == .function("0000:3d:10.0", held))
        scene.host.open("0000:3d:10.1")
        #expect(
            await refusal("0000:3d:10.1")
                == .function("0000:3d:10.1", .heldByProcess(ProcessHolder(pid: 4711, command: "qemu"))))
        #expect(
            await self.refusal("c1", .function("0000:3d:10.1", device: "x"), in: scene)
                == .claim("c1", .whichDevice(["c1"])))
        #expect(await self.refusal("c9", .here, in: scene) == .claim("c9", .unknown))
        #expect(await self.refusal("c2", .here, in: scene) == .claim("c2", .notInDoubt))
        #expect(try await scene.ledger.claims().first == claims.first)
        #expect(try await scene.ledger.quarantine()["0000:3b:10.0"] == quarantine["0000:3b:10.0"])
        let failed = try await scene.ledger.trail.newest().filter { $0.verb == "rebind" && $0.result != "done" }
        #expect(failed.count == 7)
    }

    @Test("a function of another pool, one that the host uses, and one of another kind are refused")
    func unfit() async throws {
        let scene = try await inDoubt()
        try await declare([Self.third], in: scene)
        try scene.configure(Self.pools.replacing("vendors: [\"8086\"]", with: "addresses: [\"0000:3b:10.0\"]"))
        #expect(
            await refusal("c2", .function("0000:3d:10.0", device: nil), in: scene)
                == .function("0000:3d:10.0", .notInPool("first")))
        #expect(
            await refusal("c2", .function(Self.third, device: nil), in: scene)
                == .function("0000:3d:10.0", .notInPool("first")))
    }

    @Test("the refusal of a start in doubt names both commands")
    func remedy() async throws {
        let scene = try await inDoubt()
        let claim = try #require(try await scene.ledger.claim("c1"))
        let refusal = await #expect(throws: Refusal.self) { try await scene.daemon.use.begin([claim]) }
        let remedy = try #require(refusal?.report.remedy)
        #expect(remedy.contains("buslane claims rebind c1 --here"))
        #expect(remedy.contains("buslane claims rebind c1 FUNCTION") && remedy.contains("buslane release c1"))
    }

    @Test("a process that ends at any call leaves the claim with the one function or the other")
    func crashes() async throws {
        for call in 1..<40 {
            let scene = try await inDoubt()
            try await declare([Self.third], in: scene)
            scene.crash(at: call)
            _ = try? await rebind("c2", .function("0000:3d:10.0", device: nil), in: scene)
            guard scene.host.hasCrashed else { break }
            let next = try scene.restarted()
            try await next.daemon.cards.recovery.recover()
            let address = try #require(try await next.ledger.claim("c2")?.assignments.first?.address)
            let isInDoubt = CardDoubt.isReason(try await next.ledger.quarantine()[address])
            #expect(isInDoubt == (address == "0000:3c:10.0"), "call \(call)")
            #expect(address == "0000:3d:10.0" || address == "0000:3c:10.0", "call \(call)")
        }
    }

    @Test("doctor is told which cards only their address identifies")
    func findings() async throws {
        let scene = try await scene()
        let found = try await scene.daemon.cards.findings.findings()
        #expect(found.map(\.code) == ["card-known-by-address"])
        let quiet = try Scene(HostSimulator { $0.pf(Scene.card, totalVFs: 7, hasSlot: false) })
        #expect(try await quiet.daemon.cards.findings.findings().isEmpty)
    }
}

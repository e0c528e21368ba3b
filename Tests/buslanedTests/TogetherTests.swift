// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Several devices claimed together")
struct ClaimingTogetherTests {
    private static let graphics: PCIAddress = "0000:65:00.0"
    private static let sound: PCIAddress = "0000:65:00.1"
    private static let gpus = Pool(name: "gpus", selector: Selector(addresses: [graphics]))

    private func scene() async throws -> Scene {
        let host = HostSimulator {
            $0.pf(Scene.card, totalVFs: 7)
            $0.function(Self.graphics, driver: "nouveau", classCode: 0x030000)
            $0.function(Self.sound, driver: "snd_hda_intel", classCode: 0x040300)
            $0.group([Self.graphics, Self.sound])
        }
        let scene = try Scene(host)
        try await scene.apply(Scene.declaring(2))
        return scene
    }

    private func requests(settings: VFSettings = VFSettings(), for owner: Owner = .name("fw1")) -> [ClaimRequest] {
        [
            ClaimRequest(pool: Scene.pool, owner: owner, settings: settings, deviceName: "data0"),
            ClaimRequest(pool: Self.gpus, owner: owner, deviceName: "gpu0"),
        ]
    }

    @Test("one claim for each device; companions are bound and restored with their device")
    func together() async throws {
        let scene = try await scene()
        let before = scene.host.now
        let claims = try await scene.daemon.allocator.allocate(all: requests(), by: Scene.root)
        #expect(claims.map(\.pool) == [Scene.pool.name, "gpus"] && claims.allSatisfy { $0.state == .bound })
        #expect(claims[1].assignments.map(\.name) == ["gpu0", "gpu0-f1"])
        #expect(claims[1].assignments.map(\.companionOf) == [nil, "gpu0"])
        for address in [Self.graphics, Self.sound] { #expect(scene.host.now[address]?.driver == "vfio-pci") }
        try await scene.expectAtRest()
        #expect(try await scene.ledger.trail.newest().last?.detail == "2 for fw1")
        await #expect(throws: Refusal.self) {
            try await scene.daemon.allocator.allocate(
                ClaimRequest(pool: Pool(name: "s", selector: Selector(addresses: [Self.sound])), owner: .name("b")),
                by: Scene.root)
        }
        for claim in claims { try await scene.release(claim) }
        #expect(scene.host.now == before)
    }

    @Test("a plan made while waiting for the PF is made again after another caller's change")
    func outdated() async throws {
        let scene = try await scene()
        let lanes = scene.daemon.lanes
        let (turn, begin) = AsyncStream.makeStream(of: Void.self)
        let (holds, onLane) = AsyncStream.makeStream(of: Void.self)
        async let other: Void = lanes.run(on: .card(Scene.card)) {
            onLane.finish()
            for await _ in turn {}
            // The plan's first precondition no longer holds
            for action in [HostAction.setDriverOverride(Scene.vf[0], driver: "vfio-pci"), .probeDriver(Scene.vf[0])] {
                try scene.host.meanwhile(action)
            }
        }
        for await _ in holds {}
        async let claim = scene.allocate()
        while try await scene.ledger.claims().isEmpty { await Task.yield() }
        begin.finish()
        try await other
        #expect(try await claim.state == .bound)
        #expect(scene.host.now[Scene.vf[0]]?.driver == "vfio-pci")
        try await scene.expectAtRest()
    }

    @Test(
        "when one device cannot be made ready, none is claimed",
        arguments: [HostSimulator.Fault.refused("no"), .refusedAfterEffect("too late"), .ignored])
    func allOrNothing(fault: HostSimulator.Fault) async throws {
        let scene = try await scene()
        let before = scene.host.now
        scene.host.fail(fault, times: 1) { $0 == .probeDriver(Self.sound) }
        await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.allocator.allocate(all: requests(settings: VFSettings(trust: true)), by: Scene.root)
        }
        scene.host.clearFailures()
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.claims().isEmpty)
        try await scene.expectAtRest()
    }

    @Test("nothing is claimed when one pool has no free function")
    func exhausted() async throws {
        let scene = try await scene()
        _ = try await scene.daemon.allocator.allocate(requests(for: .name("other"))[1], by: Scene.root)
        await #expect(throws: Refusal.self) {
            try await scene.daemon.allocator.allocate(all: requests(), by: Scene.root)
        }
        #expect(try await scene.ledger.claims().count == 1)
    }

    @Test("the process ends at any effect: afterwards all are there, or none")
    func crashes() async throws {
        let scene = try await scene()
        let before = scene.host.now
        let moments = scene.keepMoments()
        let claims = try await scene.daemon.allocator.allocate(
            all: requests(settings: VFSettings(trust: true)), by: Scene.root)
        #expect(claims.count == 2 && moments.count > 6)
        for moment in 0..<moments.count {
            let next = try scene.restarted(after: moment, of: moments)
            try await next.daemon.cards.recovery.recover()
            try await next.expectAtRest("moment \(moment)")
            let left = try await next.ledger.claims()
            #expect(left.isEmpty || left.count == 2, "moment \(moment)")
            if left.isEmpty { #expect(next.host.now == before, "moment \(moment)") }
        }
    }

    @Test("a MAC address that another owner's VF of the card has is refused before anything is done")
    func macTwice() async throws {
        let scene = try await scene()
        let mac: MACAddress = "52:54:00:11:22:33"
        let claim = try await scene.allocate(settings: VFSettings(mac: mac))
        let before = scene.host.now
        await #expect(
            throws: Refusal.request(.macInUse(mac, physicalFunction: Scene.card, claim: claim.id, owner: "fw1"))
        ) { try await scene.allocate(for: .name("fw2"), settings: VFSettings(mac: mac)) }
        #expect(scene.host.now == before)
        try await scene.release(claim)
        #expect(try await scene.allocate(for: .name("fw2"), settings: VFSettings(mac: mac)).state == .bound)
    }
}

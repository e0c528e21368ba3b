// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

/// The daemon is ended at every moment at which it touches the host: before and after each effect, and at each look.
@Suite("The daemon is killed at every step")
struct CrashTests {
    private static let desired = Scene.declaring(3, vfDriver: "vfio-pci")
    private static let settings = VFSettings(mac: "52:54:00:11:22:33", trust: true)

    /// Runs `work` in a fresh scene once for each moment in it, killed there, and gives what the next process finds.
    private func atEveryStep(
        reboot: Bool = false, _ prepare: (Scene) async throws -> Void, _ work: (Scene) async throws -> Void,
        _ check: (Scene, Scene, Comment) async throws -> Void
    ) async throws {
        var moment = 1
        while true {
            let scene = try Scene()
            try await prepare(scene)
            scene.crash(at: moment)
            try? await work(scene)
            guard scene.host.hasCrashed else { break }
            let next = try scene.restarted(reboot: reboot)
            try await next.daemon.cards.recovery.recover()
            let comment: Comment = "killed at moment \(moment)"
            try await next.expectAtRest(comment)
            #expect(try await next.ledger.holdings().quarantine.isEmpty, comment)
            try await check(scene, next, comment)
            moment += 1
        }
        #expect(moment > 10, "only \(moment - 1) moments: nothing was tested")
    }

    /// Checks that an apply converges, and that undeclaring restores the original state.
    private func expectConverges(_ scene: Scene, _ comment: Comment) async throws {
        try await scene.apply(Self.desired)
        #expect(Scene.vf.prefix(3).allSatisfy { scene.host.now[$0]?.driver == "vfio-pci" }, comment)
        #expect(try await scene.daemon.cards.apply.plan(for: Self.desired).isEmpty, comment)
        try await scene.apply(DesiredState())
        var found = Scene.oneCard().now[Scene.card]
        found?.iommuGroup = scene.host.now[Scene.card]?.iommuGroup
        #expect(scene.host.now[Scene.card] == found, comment)
        #expect(try await scene.ledger.holdings().originals.isEmpty, comment)
        try await scene.expectAtRest(comment)
    }

    @Test(
        "while applying: the next apply converges, and the card can still be restored",
        arguments: [false, true])
    func applying(reboot: Bool) async throws {
        try await atEveryStep(reboot: reboot) { _ in
        } _: { scene in
            try await scene.apply(Self.desired)
        } _: { _, next, comment in
            try await expectConverges(next, comment)
        }
    }

    @Test("while changing the count of VFs that are there")
    func resizing() async throws {
        try await atEveryStep { scene in
            try await scene.apply(Scene.declaring(5))
        } _: { scene in
            try await scene.apply(Self.desired)
        } _: { _, next, comment in
            try await expectConverges(next, comment)
        }
    }

    @Test("while restoring a PF that is no longer declared: the ledger forgets it")
    func undeclaring() async throws {
        try await atEveryStep { scene in
            try await scene.apply(Self.desired)
        } _: { scene in
            try await scene.apply(DesiredState())
        } _: { _, next, comment in
            try await next.apply(DesiredState())
            #expect(next.host.now == Scene.oneCard().now, comment)
            #expect(try await next.ledger.holdings().originals.isEmpty, comment)
        }
    }

    @Test(
        "while allocating: no claim is left, and the functions are as they were", arguments: ["igbvf", "vfio-pci", nil])
    func allocating(driver: String?) async throws {
        let declared = Scene.declaring(3, vfDriver: driver)
        let request = ClaimRequest(
            pool: Scene.pool, count: 1, owner: .name("fw1"), settings: Self.settings)
        try await atEveryStep { scene in
            try await scene.apply(declared)
        } _: { scene in
            _ = try await scene.daemon.allocator.allocate(request, by: Scene.root)
            _ = try await scene.allocate(2, for: .name("second"))
        } _: { scene, next, comment in
            let reference = try Scene()
            try await reference.apply(declared)
            let claims = try await next.ledger.claims()
            #expect(claims.count <= 1, comment)
            for claim in claims { try await next.release(claim) }
            #expect(next.host.now == reference.host.now, comment)
            _ = try await next.allocate(3, for: .name("third"))
        }
    }

    @Test("while allocating, and the host is booted again")
    func allocatingThenReboot() async throws {
        try await atEveryStep(reboot: true) { scene in
            try await scene.apply(Self.desired)
        } _: { scene in
            _ = try await scene.allocate(settings: Self.settings)
        } _: { _, next, comment in
            #expect(try await next.ledger.claims().isEmpty, comment)
            try await expectConverges(next, comment)
        }
    }

    @Test("while releasing: the claim is unchanged, or gone with everything restored")
    func releasing() async throws {
        try await atEveryStep { scene in
            try await scene.apply(Scene.declaring(3))
            _ = try await scene.allocate(settings: Self.settings)
        } _: { scene in
            _ = try await scene.daemon.release.release("c1", by: Scene.root)
        } _: { _, next, comment in
            let reference = try Scene()
            try await reference.apply(Scene.declaring(3))
            if let claim = try await next.ledger.claims().first {
                #expect(next.host.now[Scene.vf[0]]?.driver == "vfio-pci", comment)
                #expect(next.host.now[Scene.vf[0]]?.vfSettings?.mac == Self.settings.mac, comment)
                try await next.release(claim)
            }
            #expect(next.host.now == reference.host.now, comment)
            guard case .alreadyReleased = try await next.daemon.release.release("c1", by: Scene.root) else {
                Issue.record("released twice")
                return
            }
        }
    }

    @Test("while a guest's start is prepared: the claim stays, and the next start is ready")
    func preparing() async throws {
        let owner = Owner.domain(uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
        try await atEveryStep { scene in
            try await scene.apply(Scene.declaring(3))
            _ = try await scene.allocate(2, for: owner)
            for vf in Scene.vf.prefix(2) {
                try scene.host.meanwhile(.unbindDriver(vf))
                try scene.host.meanwhile(.setDriverOverride(vf, driver: nil))
            }
        } _: { scene in
            let claim = try #require(try await scene.ledger.claims().first)
            try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        } _: { _, next, comment in
            let claim = try #require(try await next.ledger.claims().first)
            try await next.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
            #expect(Scene.vf.prefix(2).allSatisfy { next.host.now[$0]?.driver == "vfio-pci" }, comment)
        }
    }

    private static let asking = """
        <b:request xmlns:b='urn:buslane:request:1' binding='running'>\
        <b:device name='a' pool='vfs' vlan='7'/><b:device name='b' pool='vfs'/></b:request>
        """

    @Test("while a start claims its devices, or its stop releases them: the next start has them, each once")
    func startingAndStopping() async throws {
        let domain = try Domain.guest("fw1", uuid: Domain.uuid, having: [], request: Self.asking)
        func configured(_ scene: Scene) async throws {
            try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
            try await scene.apply(Scene.declaring(3))
        }
        func stop(_ scene: Scene) async throws {
            try await scene.daemon.stopHook.stopped(domain, reason: "shutdown", by: Scene.root)
        }
        let reference = try Scene()
        try await configured(reference)
        try await atEveryStep { scene in
            try await configured(scene)
        } _: { scene in
            try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
            try await stop(scene)
        } _: { _, next, comment in
            // Between the end of its use and its release it is bound.
            for claim in try await next.ledger.claims() { #expect(claim.state.isHeld, comment) }
            try await next.daemon.prepareHook.prepare(domain, by: Scene.root)
            let claims = try await next.ledger.claims()
            #expect(claims.map(\.state) == [.inUse, .inUse], comment)
            #expect(claims.flatMap(\.assignments).map(\.name).sorted() == ["a", "b"], comment)
            try await stop(next)
            #expect(try await next.ledger.claims().isEmpty, comment)
            #expect(next.host.now == reference.host.now, comment)
        }
    }

    @Test("and again while recovering from that", arguments: [3, 8, 13, 18])
    func recovering(moment: Int) async throws {
        for second in 1... {
            let scene = try Scene()
            try await scene.apply(Scene.declaring(3))
            let before = scene.host.now
            scene.crash(at: moment)
            _ = try? await scene.allocate(2, settings: VFSettings(trust: true))
            try #require(scene.host.hasCrashed)
            let next = try scene.restarted()
            next.crash(at: second)
            try? await next.daemon.cards.recovery.recover()
            guard next.host.hasCrashed else { break }
            let last = try next.restarted()
            try await last.daemon.cards.recovery.recover()
            let comment: Comment = "killed at moment \(moment), then at \(second)"
            try await last.expectAtRest(comment)
            #expect(try await last.ledger.claims().isEmpty, comment)
            #expect(try await last.ledger.holdings().quarantine.isEmpty, comment)
            #expect(last.host.now == before, comment)
        }
    }
}

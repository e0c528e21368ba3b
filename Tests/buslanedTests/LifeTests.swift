// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Synchronization
import Testing

@testable import Ledger
@testable import buslaned

@Suite("Claims with a time limit")
struct LifeTests {
    private final class Clock: Sendable {
        let now = Mutex(100)
        func pass(_ seconds: Int) { now.withLock { $0 += seconds } }
    }

    private let clock = Clock()

    private func scene() async throws -> Scene {
        let scene = try Scene()
        scene.clock.set { [clock] in clock.now.withLock(\.self) }
        try await scene.apply(Scene.declaring(2, vfDriver: "vfio-pci"))
        return scene
    }

    private func claim(_ scene: Scene, for owner: String, ttl: Int?) async throws -> Claim {
        try await scene.daemon.allocator.allocate(
            ClaimRequest(pool: Scene.pool, owner: .name(owner), ttl: ttl), by: Scene.root)
    }

    @Test("a claim that is not renewed is released when its time is over, and no other")
    func ends() async throws {
        let scene = try await scene()
        let short = try await claim(scene, for: "short", ttl: 60)
        _ = try await claim(scene, for: "long", ttl: nil)
        #expect(short.life == Claim.Life(seconds: 60, endsAt: 160))
        #expect(try await scene.daemon.expiry.releaseExpired() == 60)
        clock.pass(59)
        #expect(try await scene.daemon.expiry.releaseExpired() == 1)
        #expect(try await scene.ledger.claims().count == 2)
        clock.pass(1)
        #expect(try await scene.daemon.expiry.releaseExpired() == nil)
        #expect(try await scene.ledger.claims().map(\.ownerName) == ["long"])
        #expect(try await scene.ledger.trail.newest().last?.verb == "release")
    }

    @Test("renewing starts the time again; a claim without a time limit, or after its end, cannot be renewed")
    func renewed() async throws {
        let scene = try await scene()
        let short = try await claim(scene, for: "short", ttl: 60)
        let long = try await claim(scene, for: "long", ttl: nil)
        clock.pass(50)
        #expect(try await scene.daemon.expiry.renew(short.id, by: Scene.root).life?.endsAt == 210)
        clock.pass(50)
        #expect(try await scene.daemon.expiry.releaseExpired() == 10)
        await #expect(throws: Refusal.claim(long.id, .notRenewable(hasEnded: false))) {
            try await scene.daemon.expiry.renew(long.id, by: Scene.root)
        }
        clock.pass(10)
        _ = try await scene.daemon.expiry.releaseExpired()
        await #expect(throws: Refusal.claim(short.id, .notRenewable(hasEnded: true))) {
            try await scene.daemon.expiry.renew(short.id, by: Scene.root)
        }
    }

    @Test("a claim of a running guest stays until the guest stops")
    func running() async throws {
        let scene = try await scene()
        let short = try await claim(scene, for: "short", ttl: 60)
        scene.host.open(short.assignments[0].address)
        clock.pass(100)
        #expect(try await scene.daemon.expiry.releaseExpired() == 30)
        #expect(try await scene.ledger.claims().count == 1)
        scene.host.close(short.assignments[0].address)
        #expect(try await scene.daemon.expiry.releaseExpired() == nil)
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("after a reboot its time begins anew")
    func rebooted() async throws {
        let scene = try await scene()
        _ = try await claim(scene, for: "short", ttl: 60)
        let next = try scene.next(reboot: true)
        next.clock.set { 7 }
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.claims().first?.life?.endsAt == 67)
        // A new process in the same boot: the time continues.
        let again = try next.next()
        again.clock.set { 20 }
        try await again.daemon.cards.recovery.recover()
        #expect(try await again.ledger.claims().first?.life?.endsAt == 67)
    }
}

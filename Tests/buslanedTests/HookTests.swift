// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Ledger
import SystemServices
import Testing

@testable import buslaned

@Suite("libvirt's hook")
struct HookTests {
    private let scene: Scene
    private let owner = Owner.domain(uuid: Domain.uuid)

    init() async throws {
        scene = try Scene()
        try await scene.apply(Scene.declaring(4))
    }

    private func prepare(_ domain: Domain) async throws {
        try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
    }

    /// The code of the refusal that the work throws; nil when it succeeds.
    private func refusalCode(of work: () async throws -> Void) async -> String? {
        do {
            try await work()
            return nil
        } catch let refusal as Refusal {
            return refusal.code
        } catch {
            return "\(error)"
        }
    }

    @Test("a guest whose devices are claimed and ready may start, and nothing changes")
    func ready() async throws {
        let claim = try await scene.allocate(2, for: owner)
        let actions = scene.host.actions
        try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        #expect(scene.host.actions == actions)
    }

    @Test("a guest with a device that is not claimed for it may not start")
    func notClaimed() async throws {
        let claim = try await scene.allocate(for: .name("somebody"))
        let refusal = await #expect(throws: Refusal.self) {
            try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        }
        #expect(refusal?.code == "not-claimed-for-domain")
        let trail = try await scene.ledger.trail.newest()
        #expect(trail.last?.result.contains("is not claimed for domain fw1") == true)
    }

    @Test("a guest whose function is in quarantine may not start, claimed or not")
    func quarantined() async throws {
        let claim = try await scene.allocate(for: owner)
        let address = try #require(claim.assignments.first?.address)
        try await scene.ledger.quarantine(address, reason: "in doubt")
        let refusal = await #expect(throws: Refusal.self) {
            try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        }
        #expect(refusal == .function(address, .quarantined(reason: "in doubt")))
    }

    @Test("one claim may have several of the devices that a request names, and starts once with them")
    func severalOfOneClaim() async throws {
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        let claim = try await scene.allocate(2, for: owner)
        let names = claim.assignments.map(\.name)
        let devices = names.map { "<b:device name='\($0)' pool='vfs'/>" }.joined()
        let request = "<b:request xmlns:b='urn:buslane:request:1' binding='running'>\(devices)</b:request>"
        try await scene.daemon.prepareHook.prepare(try .guest(having: [], request: request), by: Scene.root)
        let now = try #require(try await scene.ledger.claims().first)
        #expect(now.state == .inUse && now.generation == claim.generation + 1)
    }

    @Test("a start cannot reuse a claim whose function is in quarantine")
    func quarantinedReuse() async throws {
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        let claim = try await scene.allocate(for: owner, name: "data0")
        let address = claim.assignments[0].address
        try await scene.ledger.quarantine(address, reason: "in doubt")
        let request = """
            <b:request xmlns:b='urn:buslane:request:1' binding='running'><b:device name='data0' pool='vfs'/></b:request>
            """
        await #expect(throws: Refusal.function(address, .quarantined(reason: "in doubt"))) {
            try await scene.daemon.prepareHook.prepare(try .guest(having: [], request: request), by: Scene.root)
        }
        #expect(try await scene.ledger.claims().map(\.state) == [.bound])
    }

    @Test("a guest of the same name with another UUID is another owner")
    func sameName() async throws {
        let claim = try await scene.allocate(for: owner)
        let impostor = try Domain.guest(
            uuid: "00000000-1d52-d8f3-2516-782e98ab3fa0", having: claim.assignments)
        let code = await refusalCode { try await prepare(impostor) }
        #expect(code == "not-claimed-for-domain")
    }

    @Test("a claim that was released, or moved to another function, does not let the old XML start")
    func stale() async throws {
        let claim = try await scene.allocate(for: owner, name: "data0")
        let domain = try Domain.guest(having: claim.assignments)
        try await scene.release(claim)
        let released = await refusalCode { try await prepare(domain) }
        #expect(released == "not-claimed-for-domain")
        _ = try await scene.allocate(for: .name("in-between"))
        let again = try await scene.allocate(for: owner, name: "data0")
        #expect(again.assignments[0].address != claim.assignments[0].address)
        let moved = await refusalCode { try await prepare(domain) }
        #expect(moved == "not-claimed-for-domain")
        try await scene.daemon.prepareHook.prepare(try .guest(having: again.assignments), by: Scene.root)
    }

    @Test("a change by another program is repaired before the start")
    func repairs() async throws {
        let claim = try await scene.allocate(for: owner, settings: VFSettings(mac: "52:54:00:11:22:33"))
        let virtual = try #require(claim.assignments[0].virtualFunction)
        try scene.host.meanwhile(.unbindDriver(Scene.vf[0]))
        try scene.host.meanwhile(.setDriverOverride(Scene.vf[0], driver: nil))
        try scene.host.meanwhile(.setVFSettings(virtual, VFSettings(mac: "52:54:00:00:00:99")))
        try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        #expect(scene.host.now[Scene.vf[0]]?.driver == "vfio-pci")
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.mac == "52:54:00:11:22:33")
        try await scene.expectAtRest()
    }

    @Test("a guest whose card is down, or whose VF is gone, may not start")
    func unusable() async throws {
        let claim = try await scene.allocate(for: owner)
        let domain = try Domain.guest(having: claim.assignments)
        try scene.host.meanwhile(.setLink(physicalFunction: Scene.card, up: false))
        let down = await #expect(throws: Refusal.self) {
            try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        }
        #expect(down?.code == "pf-down")
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 0))
        await #expect(throws: Refusal.function(Scene.vf[0], .unknown)) {
            try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        }
        try await scene.expectAtRest()
    }

    @Test("a guest without devices of Buslane's starts and stops, and only its start is recorded")
    func unconcerned() async throws {
        let claim = try await scene.allocate(for: .name("somebody"))
        let (actions, before) = (scene.host.actions, try await scene.ledger.trail.newest().count)
        try await scene.daemon.prepareHook.prepare(try .guest(having: []), by: Scene.root)
        try await scene.daemon.stopHook.stopped(try .guest(having: []), reason: "shutdown", by: Scene.root)
        #expect(scene.host.actions == actions)
        #expect(try await scene.ledger.trail.newest().dropFirst(before).map(\.verb) == ["hook prepare"])
        #expect(try await scene.ledger.claims() == [claim])
        try await scene.expectAtRest()
    }

    @Test("when the guest stops, claims of the defined domain stay, those of one run end", arguments: [true, false])
    func stops(running: Bool) async throws {
        let claim = try await scene.allocate(for: owner)
        let request = """
            <b:request xmlns:b="urn:buslane:request:1" binding="\(running ? "running" : "defined")">\
            <b:device name="\(claim.id)" pool="vfs"/></b:request>
            """
        let domain = try Domain.guest(having: claim.assignments, request: request)
        try await scene.daemon.stopHook.stopped(domain, reason: "shutdown", by: Scene.root)
        #expect(try await scene.ledger.claims().map(\.id) == (running ? [] : [claim.id]))
        #expect(scene.host.now[Scene.vf[0]]?.driver == (running ? nil : "vfio-pci"))
    }

    @Test("a start and a release at once: the guest has its device ready, or it is released", arguments: 0..<10)
    func race(round: Int) async throws {
        let claim = try await scene.allocate(for: owner, settings: VFSettings(trust: true))
        let domain = try Domain.guest(having: claim.assignments)
        try scene.host.meanwhile(.unbindDriver(Scene.vf[0]))
        async let released: Void = { _ = try? await scene.release(claim) }()
        for _ in 0..<round { await Task.yield() }
        let started = (try? await scene.daemon.prepareHook.prepare(domain, by: Scene.root)) != nil
        await released
        let stands = try await !scene.ledger.claims().isEmpty
        let vf = try #require(scene.host.now[Scene.vf[0]])
        // Both can be refused, each because of the other. The next start makes the device ready.
        if started {
            #expect(stands, "started with a released claim")
            #expect(vf.driver == "vfio-pci" && vf.vfSettings?.trust == true)
        }
        if !stands { #expect(vf.driver == nil && vf.vfSettings?.trust == false) }
        try await scene.expectAtRest()
    }

    @Test("a claim is not released between the hook's approval and the moment the guest opens the group")
    func starting() async throws {
        let claim = try await scene.allocate(for: owner)
        let domain = try Domain.guest(having: claim.assignments)
        try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        await #expect(throws: Refusal.claim(claim.id, .guestStarting(domain: "\(owner)"))) {
            try await scene.release(claim)
        }
        try await scene.daemon.stopHook.stopped(domain, reason: "failed", by: Scene.root)
        try await scene.release(claim)
    }

    @Test("a claim is in use from the hook's approval to the guest's stop; each start is a new generation")
    func generations() async throws {
        let claim = try await scene.allocate(for: owner)
        let domain = try Domain.guest(having: claim.assignments)
        for start in 1...3 {
            try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
            let used = try #require(try await scene.ledger.claim(claim.id))
            #expect(used.state == .inUse && used.generation == claim.generation + start)
            try await scene.daemon.stopHook.stopped(domain, reason: "shutdown", by: Scene.root)
            #expect(try await scene.ledger.claim(claim.id)?.state == .bound)
        }
        await #expect(throws: Refusal.claim(claim.id, .staleGeneration(given: 1, current: 4))) {
            _ = try await scene.daemon.release.release(claim.id, generation: 1, by: Scene.root)
        }
        try await scene.expectAtRest()
        _ = try await scene.daemon.release.release(claim.id, generation: 4, by: Scene.root)
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("a stop that arrives after the next start does not affect that start")
    func overtaken() async throws {
        let claim = try await scene.allocate(for: owner)
        let domain = try Domain.guest(having: claim.assignments)
        try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        let first = try #require(try await scene.ledger.claim(claim.id))
        try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        #expect(try await scene.daemon.use.end(of: first) == nil)
        let code = await refusalCode {
            _ = try await scene.daemon.release.release(claim.id, generation: first.generation, by: Scene.root)
        }
        #expect(code == "stale-generation")
        #expect(try await scene.ledger.claim(claim.id)?.state == .inUse)
    }

    @Test("a claim between the hook's approval and the opening of the group stays in use after a daemon restart")
    func startingOverRestart() async throws {
        let claim = try await scene.allocate(for: owner)
        try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        let next = try scene.next()
        try await next.daemon.cards.recovery.recover()
        await #expect(throws: Refusal.claim(claim.id, .guestStarting(domain: "\(owner)"))) {
            _ = try await next.daemon.release.release(claim.id, by: Scene.root)
        }
    }

    @Test(
        "a use without a guest ends: after a reboot at once, else when no process has the group open and libvirt listed its domains"
    )
    func endsWithoutGuest() async throws {
        let claim = try await scene.allocate(for: owner)
        let address = claim.assignments[0].address
        try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        scene.host.open(address)
        let next = try scene.next()
        next.clock.set { BootClock.now() + 1000 }
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.claim(claim.id)?.state == .inUse)
        next.host.close(address)
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.claim(claim.id)?.state == .inUse)
        next.daemon.guests.list([])
        try await next.daemon.use.endAbandoned()
        #expect(try await next.ledger.claim(claim.id)?.state == .bound)
        try await next.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        let rebooted = try next.next(reboot: true)
        try await rebooted.daemon.cards.recovery.recover()
        #expect(try await rebooted.ledger.claim(claim.id)?.state == .bound)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Libvirt
import Testing

@testable import buslaned

@Suite("Drift")
struct DriftTests {
    private static let desired = Scene.declaring(3, vfDriver: "vfio-pci")

    /// A host after an apply, and its events so far.
    private func made() async throws -> Scene {
        let scene = try Scene()
        try await scene.apply(Self.desired)
        return scene
    }

    private func kinds(_ scene: Scene) async throws -> [Event.Kind] { try await scene.ledger.events().map(\.kind) }

    /// A change by another program, and the value to check afterwards.
    struct Meddling: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let actions: [HostAction]
    }

    private static let meddlings = [
        Meddling(testDescription: "VFs taken away", actions: [.setVFCount(physicalFunction: Scene.card, count: 0)]),
        Meddling(
            testDescription: "VFs made anew, fewer of them",
            actions: [
                .setVFCount(physicalFunction: Scene.card, count: 0),
                .setVFCount(physicalFunction: Scene.card, count: 1),
            ]),
        Meddling(testDescription: "a VF unbound", actions: [.unbindDriver(Scene.vf[1])]),
        Meddling(
            testDescription: "a VF bound to its host driver",
            actions: [
                .unbindDriver(Scene.vf[1]), .setDriverOverride(Scene.vf[1], driver: "igbvf"), .probeDriver(Scene.vf[1]),
            ]),
        Meddling(
            testDescription: "autoprobe switched on",
            actions: [.setDriversAutoprobe(physicalFunction: Scene.card, on: true)]),
        Meddling(
            testDescription: "the link switched off", actions: [.setLink(physicalFunction: Scene.card, up: false)]),
    ]

    @Test("is reported and repaired", arguments: meddlings)
    func repaired(meddling: Meddling) async throws {
        let scene = try await made()
        let before = scene.host.now
        for action in meddling.actions { try scene.host.meanwhile(action) }
        #expect(scene.host.now != before)
        await scene.daemon.cards.drift.check()
        #expect(try await scene.daemon.cards.apply.plan(for: Self.desired).isEmpty)
        #expect(scene.host.now[Scene.card] == before[Scene.card])
        #expect(try await kinds(scene).starts(with: [.applied, .drifted, .repaired]))
        #expect(scene.daemon.cards.state.problems.isEmpty)
        try await scene.expectAtRest()
    }

    @Test("with repair: report it is reported once, and not repaired")
    func reported() async throws {
        let scene = try await made()
        try scene.configure("repair: report")
        try scene.host.meanwhile(.unbindDriver(Scene.vf[1]))
        let after = scene.host.now
        for _ in 0..<3 { await scene.daemon.cards.drift.check() }
        #expect(scene.host.now == after)
        #expect(try await kinds(scene) == [.applied, .drifted])
        #expect(
            try await scene.ledger.events().last?.detail
                == "0000:3b:10.1 no driver, override vfio-pci → driver vfio-pci")
        #expect(scene.daemon.cards.state.problems.count == 1)
        // The program that caused it has repaired it: the problem is gone.
        try scene.host.meanwhile(.probeDriver(Scene.vf[1]))
        await scene.daemon.cards.drift.check()
        #expect(scene.daemon.cards.state.problems.isEmpty)
    }

    @Test("a claimed VF is repaired to its owner's settings, not to the PF's declaration")
    func claimed() async throws {
        let scene = try await made()
        let claim = try await scene.allocate(settings: VFSettings(vlan: .tag(VLANTag(try VLANID("42"))), trust: true))
        let address = try #require(claim.assignments.first?.address)
        let before = scene.host.now
        let virtual = try #require(claim.assignments.first?.virtualFunction)
        try scene.host.meanwhile(.setVFSettings(virtual, VFSettings(vlan: .tag(VLANTag(try VLANID("7"))))))
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.events().suffix(2).map(\.subject) == [address.description, address.description])
        #expect(try await kinds(scene).suffix(2) == [.drifted, .repaired])
    }

    @Test("a running guest keeps its functions: the drift is reported, and repaired after the guest's stop")
    func inUse() async throws {
        let scene = try await made()
        let claim = try await scene.allocate(settings: VFSettings(trust: true))
        let assignment = try #require(claim.assignments.first)
        scene.host.open(assignment.address)
        try scene.host.meanwhile(.setVFSettings(try #require(assignment.virtualFunction), VFSettings(trust: false)))
        let after = scene.host.now
        for _ in 0..<2 { await scene.daemon.cards.drift.check() }
        #expect(scene.host.now == after)
        #expect(try await kinds(scene).suffix(2) == [.drifted, .refused])
        #expect(try await scene.ledger.events().last?.detail.contains("qemu (pid 4711) has it open") == true)
        scene.host.close(assignment.address)
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now[assignment.address]?.vfSettings?.trust == true)
        #expect(try await kinds(scene).last == .repaired)
    }

    @Test(
        "another's guest keeps a function that is claimed for somebody else, or for nobody", arguments: [true, false])
    func foreignGuest(isClaimed: Bool) async throws {
        let scene = try await made()
        if isClaimed { _ = try await scene.allocate(settings: VFSettings(trust: true)) }
        let vf = Scene.vf[0]
        scene.daemon.guests.set([vf], of: "r2", uuid: "2", isRunning: true)
        try scene.host.meanwhile(.unbindDriver(vf))
        let after = scene.host.now
        for _ in 0..<2 { await scene.daemon.cards.drift.check() }
        #expect(scene.host.now == after)
        #expect(try await scene.ledger.events().last?.detail.contains("domain r2") == true)
        // It stops. It may start again at once, so nothing is repaired in the same minute.
        scene.daemon.guests.set([vf], of: "r2", uuid: "2", isRunning: false)
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now == after)
        scene.daemon.guests.forget("2")
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now[vf]?.driver == "vfio-pci")
    }

    @Test("the guest of a claim keeps its function while it runs, also if it has it closed")
    func closedForAWhile() async throws {
        let scene = try await made()
        _ = try await scene.allocate(for: .domain(uuid: "1"), settings: VFSettings(trust: true))
        scene.daemon.guests.set([], of: "r1", uuid: "1", isRunning: true)
        scene.daemon.guests.list([DomainHandleValue(name: "r1", uuid: "1", isActive: true, isPersistent: true)])
        try scene.host.meanwhile(.unbindDriver(Scene.vf[0]))
        let after = scene.host.now
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now == after)
    }

    @Test("a difference is new for a minute")
    func newness() {
        let state = CardState()
        let start = ContinuousClock.now
        #expect(state.isNew(Scene.vf[0], now: start))
        #expect(state.isNew(Scene.vf[0], now: start + .seconds(59)))
        #expect(!state.isNew(Scene.vf[0], now: start + .seconds(60)))
        state.atRest(on: nil)
        #expect(state.isNew(Scene.vf[0], now: start + .seconds(61)))
    }

    @Test("a claim whose VFs vanished gets them again")
    func claimedVFsVanished() async throws {
        let scene = try await made()
        let claim = try await scene.allocate(2, settings: VFSettings(trust: true))
        let before = scene.host.now
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 0))
        await scene.daemon.cards.drift.check()
        #expect(claim.assignments.allSatisfy { scene.host.now[$0.address]?.driver == "vfio-pci" })
        #expect(claim.assignments.allSatisfy { scene.host.now[$0.address]?.vfSettings?.trust == true })
        #expect(scene.host.now[Scene.card] == before[Scene.card])
        try await scene.expectAtRest()
    }

    @Test("a removed PF is reported, and configured again when it returns")
    func pulled() async throws {
        let scene = try await made()
        scene.host.pull(Scene.card)
        for _ in 0..<2 { await scene.daemon.cards.drift.check() }
        #expect(try await kinds(scene) == [.applied, .drifted, .refused])
        scene.host.plug(Scene.card)
        await scene.daemon.cards.drift.check()
        #expect(Scene.vf.prefix(3).allSatisfy { scene.host.now[$0]?.driver == "vfio-pci" })
        #expect(try await kinds(scene).last == .repaired)
    }

    @Test("VFs that the host itself uses are not removed")
    func hostInterfaces() async throws {
        let scene = try Scene()
        var declaration = Scene.declaring(2)
        declaration.physicalFunctions[0].driversAutoprobe = true
        try await scene.apply(declaration)
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 0))
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 4))
        let after = scene.host.now
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now == after)
        #expect(try await kinds(scene) == [.applied, .drifted, .refused])
    }

    @Test("after ten repairs in a row it is not repaired again")
    func fight() async throws {
        let scene = try await made()
        for _ in 0..<20 {
            try? scene.host.meanwhile(.unbindDriver(Scene.vf[1]))
            await scene.daemon.cards.drift.check()
        }
        #expect(scene.host.now[Scene.vf[1]]?.driver == nil)
        #expect(try await kinds(scene).count { $0 == .repaired } == CardState.repairLimit)
        #expect(try await kinds(scene).count { $0 == .refused } == 1)
    }

    @Test("a repair that fails is undone, reported, and not tried again until something changes")
    func failing() async throws {
        let scene = try await made()
        try scene.host.meanwhile(.unbindDriver(Scene.vf[1]))
        scene.host.fail(.refused("no")) { $0 == .probeDriver(Scene.vf[1]) }
        let calls = scene.host.actions.count
        for _ in 0..<3 { await scene.daemon.cards.drift.check() }
        #expect(try await kinds(scene) == [.applied, .drifted, .failed])
        #expect(scene.host.actions.count < calls + 5)
        try await scene.expectAtRest()
    }

    @Test("is compared with what was applied, not with a file that was not applied yet")
    func notAppliedYet() async throws {
        let scene = try await made()
        try scene.configure(
            "physicalFunctions:\n  - select: { addresses: ['\(Scene.card)'] }\n    vfCount: 5\n")
        await scene.daemon.cards.drift.check()
        #expect(scene.host.now[Scene.card]?.sriov?.vfCount == 3)
        #expect(try await kinds(scene) == [.applied])
    }
}

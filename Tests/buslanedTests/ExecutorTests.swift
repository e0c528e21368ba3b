// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Executing a plan")
struct ExecutorTests {
    private let context = Intent.Context(bootID: "boot-1", purpose: .apply)

    private func changes(in scene: Scene, count: Int = 2) async throws -> [Change] {
        try await scene.daemon.cards.apply.plan(for: Scene.declaring(count, vfDriver: "vfio-pci")).perPF.flatMap(
            \.changes)
    }

    /// The kind of a step, to choose the step that fails.
    private static let kinds: [(name: String, matches: @Sendable (HostAction) -> Bool)] = [
        ("link", { if case .setLink(_, _, true) = $0 { true } else { false } }),
        ("autoprobe", { if case .setDriversAutoprobe(_, false) = $0 { true } else { false } }),
        ("count", { if case .setVFCount(_, 2) = $0 { true } else { false } }),
        ("override", { if case .setDriverOverride(Scene.vf[1], "vfio-pci") = $0 { true } else { false } }),
        ("probe", { if case .probeDriver(Scene.vf[1]) = $0 { true } else { false } }),
    ]

    @Test(
        "a step that fails is undone with all earlier steps, in reverse",
        arguments: kinds.map(\.name),
        [HostSimulator.Fault.refused("no"), .refusedAfterEffect("too late"), .ignored])
    func undoes(kind: String, fault: HostSimulator.Fault) async throws {
        let scene = try Scene()
        let before = scene.host.now
        let matches = try #require(Self.kinds.first { $0.name == kind }).matches
        scene.host.fail(fault, where: matches)
        let changes = try await changes(in: scene)
        let failure = await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.executor.run(changes, context: context)
        }
        #expect(failure.map { matches($0.action) } == true)
        #expect(failure?.notUndone == [])
        #expect(failure?.description.contains("everything before it was undone") == true)
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.openIntents().isEmpty)
    }

    @Test("what cannot be undone is named, and its intent stays open for the recovery")
    func cannotUndo() async throws {
        let scene = try Scene()
        let changes = try await changes(in: scene)
        scene.host.fail(.refused("no")) { if case .probeDriver = $0 { true } else { false } }
        scene.host.fail(.refused("stuck")) { if case .setVFCount(_, 0) = $0 { true } else { false } }
        let failure = await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.executor.run(changes, context: context)
        }
        #expect(failure?.notUndone.map(\.subject) == [Scene.card])
        #expect(failure?.description.contains("not undone: 0000:3b:00.0") == true)
        #expect(try await scene.ledger.openIntents().count == 1)
        scene.host.clearFailures()
        try await scene.daemon.cards.recovery.recover()
        #expect(try await scene.ledger.openIntents().isEmpty)
    }

    @Test("the executor waits for VFs that appear late")
    func lateVFs() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, vfsAppearAfter: 5) }
        let scene = try Scene(host, patience: .seconds(20))
        try await scene.daemon.executor.run(try await changes(in: scene), context: context)
        #expect(Scene.vf.prefix(2).allSatisfy { host.now[$0]?.driver == "vfio-pci" })
    }

    @Test("a probe that the kernel ignored is repeated")
    func probedAgain() async throws {
        let scene = try Scene(Scene.oneCard(), patience: .seconds(20))
        scene.host.fail(.ignored, times: 1) { $0 == .probeDriver(Scene.vf[1]) }
        try await scene.daemon.executor.run(try await changes(in: scene), context: context)
        #expect(scene.host.now[Scene.vf[1]]?.driver == "vfio-pci")
        #expect(scene.host.actions.count { $0 == .probeDriver(Scene.vf[1]) } == 2)
        try await scene.expectAtRest()
    }

    @Test("VFs that never appear are an error, and the PF is restored")
    func neverVFs() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, vfsAppearAfter: .max) }
        let scene = try Scene(host)
        let before = host.now
        let changes = try await changes(in: scene)
        let failure = await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.executor.run(changes, context: context)
        }
        #expect(failure?.reason.contains("has 2 VFs, all present") == true)
        #expect(host.now == before)
    }

    @Test("settings that a driver refuses while it resets the VF are written again", arguments: [3, Int.max])
    func resetting(times: Int) async throws {
        let host = HostSimulator {
            $0.numaNodes(1)
            $0.pf(Scene.card, totalVFs: 7, numa: 0, driver: "i40e", vfDriver: "iavf")
        }
        let scene = try Scene(host, patience: times == 3 ? .seconds(20) : .milliseconds(20))
        try await scene.apply(Scene.declaring(2, vfDriver: "vfio-pci"))
        let before = host.now
        host.fail(.error(KernelError(name: "EAGAIN", reason: "still in reset")), times: times) {
            if case .setVFSettings = $0 { true } else { false }
        }
        if times == 3 {
            let claim = try await scene.allocate(settings: VFSettings(trust: true))
            let vf = try #require(claim.assignments.first?.address)
            #expect(host.now[vf]?.vfSettings?.trust == true)
        } else {
            let failure = await #expect(throws: Executor.Failure.self) {
                _ = try await scene.allocate(settings: VFSettings(trust: true))
            }
            #expect(failure?.reason == "EAGAIN: still in reset")
            #expect(host.now == before)
        }
        try await scene.expectAtRest()
    }

    @Test("a step whose precondition no longer holds is not performed")
    func precondition() async throws {
        let scene = try Scene()
        let changes = try await changes(in: scene)
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 3))
        let failure = await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.executor.run(changes, context: context)
        }
        #expect(failure?.reason.contains("a precondition does not hold: 0000:3b:00.0 has 0 VFs") == true)
        #expect(!scene.host.actions.contains(.setVFCount(physicalFunction: Scene.card, count: 2)))
    }

    @Test("the time limit of a VF count grows with the count")
    func patience() {
        #expect(HostAction.setVFCount(physicalFunction: Scene.card, count: 125).patience >= .seconds(65))
        #expect(HostAction.reset(Scene.card).patience >= .seconds(10))
    }
}

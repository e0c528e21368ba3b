// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Synchronization
import Testing

@testable import buslaned

@Suite("Applying the declared state")
struct ApplyTests {
    @Test("each step is reported once it is verified, in order, and as many as planned")
    func strides() async throws {
        let scene = try Scene()
        let told = Mutex<[ApplyProgress.Step]>([])
        let desired = Scene.declaring(2, vfDriver: "vfio-pci")
        let plan = try await scene.daemon.cards.apply.apply(desired, confirmed: true, by: Scene.root) { stride in
            told.withLock { $0.append(stride) }
        }
        let strides = told.withLock(\.self)
        #expect(strides.map(\.action) == plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action))
        #expect(strides.map(\.number) == Array(1...strides.count))
        #expect(strides.allSatisfy { $0.total == strides.count && $0.physicalFunction == Scene.card })
    }

    @Test("the second time there is nothing to do, and nothing is done")
    func twice() async throws {
        let scene = try Scene()
        let desired = Scene.declaring(3, vfDriver: "vfio-pci")
        #expect(try await !scene.apply(desired).isEmpty)
        let (actions, after) = (scene.host.actions, scene.host.now)
        #expect(try await scene.apply(desired).isEmpty)
        #expect(scene.host.actions == actions)
        #expect(scene.host.now == after)
        try await scene.expectAtRest()
    }

    @Test("a change by hand after the plan was made is not undone and does not block the apply")
    func overtaken() async throws {
        let scene = try Scene()
        try scene.host.meanwhile(.setDriversAutoprobe(physicalFunction: Scene.card, on: false))
        try scene.host.meanwhile(.setLink(physicalFunction: Scene.card, up: true))
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 3))
        let lanes = scene.daemon.lanes
        let plan = try await lanes.run(on: .card(Scene.card)) {
            let applying = Task { try await scene.apply(Scene.declaring(3, vfDriver: "vfio-pci")) }
            // It has its plan when it waits for the PF's lane.
            while lanes.waiting(for: .card(Scene.card)) == 0 { await Task.yield() }
            try scene.host.meanwhile(.setDriverOverride(Scene.vf[0], driver: "vfio-pci"))
            try scene.host.meanwhile(.probeDriver(Scene.vf[0]))
            return applying
        }
        #expect(try await plan.value.perPF.first?.changes.count == 3)
        #expect(Scene.vf.prefix(3).allSatisfy { scene.host.now[$0]?.driver == "vfio-pci" })
        #expect(!scene.host.actions.contains(.probeDriver(Scene.vf[0])))
        try await scene.expectAtRest()
    }

    @Test("a card that is no longer declared is restored, also after a restart")
    func undeclared() async throws {
        let scene = try Scene()
        let before = scene.host.now
        try await scene.apply(Scene.declaring(3))
        try await scene.apply(Scene.declaring(5))
        #expect(try await scene.ledger.holdings().originals.keys.sorted() == [Scene.card])
        try await scene.apply(DesiredState())
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.holdings().originals.isEmpty)
    }

    @Test("a card that was restored by hand is forgotten: later changes to it stay")
    func putBackByOthers() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(3))
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 0))
        try scene.host.meanwhile(.setDriversAutoprobe(physicalFunction: Scene.card, on: true))
        try scene.host.meanwhile(.setLink(physicalFunction: Scene.card, up: false))
        try await scene.apply(DesiredState())
        #expect(try await scene.ledger.holdings().originals.isEmpty)
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 2))
        #expect(try await scene.daemon.cards.apply.plan(for: DesiredState()).isEmpty)
    }

    @Test("removing an interface that the host uses needs a confirmation")
    func confirmation() async throws {
        let scene = try Scene()
        try scene.host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 2))
        let before = scene.host.now
        let asked = await #expect(throws: ConfirmationNeeded.self) {
            try await scene.apply(Scene.declaring(4), confirmed: false)
        }
        #expect(asked?.description == "2 VFs would vanish, with them the host's interfaces vf59-0, vf59-1")
        #expect(scene.host.now == before)
        try await scene.apply(Scene.declaring(4))
        #expect(scene.host.now[Scene.card]?.sriov?.vfCount == 4)
    }

    @Test("refuses to remove claimed VFs, and names their owners")
    func claimed() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(4))
        let claim = try await scene.allocate()
        let before = scene.host.now
        for desired in [Scene.declaring(2), Scene.declaring(0), DesiredState()] {
            await #expect(throws: Refusal.function(Scene.vf[0], .heldByClaim(claim: claim.id, owner: "fw1"))) {
                try await scene.apply(desired)
            }
        }
        #expect(scene.host.now == before)
        try await scene.release(claim)
        try await scene.apply(Scene.declaring(2))
    }

    @Test("an apply and an allocation at once: never a bound claim on a VF that is gone", arguments: 0..<10)
    func race(round: Int) async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(4))
        async let claim = try? scene.allocate(2)
        for _ in 0..<round { await Task.yield() }
        async let applied = try? scene.apply(Scene.declaring(2))
        _ = await (claim, applied)
        try await scene.expectAtRest()
        for assignment in try await scene.ledger.claims().flatMap(\.assignments) {
            #expect(scene.host.now[assignment.address]?.driver == "vfio-pci")
        }
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
    }

    @Test("a PF that fails is restored, and the others get their VFs")
    func oneOfTwo() async throws {
        let host = HostSimulator {
            $0.pf(Scene.card, totalVFs: 7)
            $0.pf("0000:af:00.0", totalVFs: 7)
        }
        let scene = try Scene(host)
        host.fail(.refused("no")) { $0 == .setVFCount(physicalFunction: Scene.card, count: 3) }
        let declared =
            Scene.declaring(3).physicalFunctions
            + Scene.declaring(4, of: "0000:af:00.0", vfDriver: "vfio-pci").physicalFunctions
        await #expect(throws: Executor.Failure.self) {
            try await scene.apply(DesiredState(physicalFunctions: declared))
        }
        #expect(host.now[Scene.card]?.sriov?.vfCount == 0)
        #expect(host.now[Scene.card]?.sriov?.driversAutoprobe == true)
        #expect(host.now["0000:af:10.3"]?.driver == "vfio-pci")
        try await scene.expectAtRest()
    }

    @Test("after a reboot the declared VFs and the claims' settings are back before the socket opens")
    func resumed() async throws {
        let scene = try Scene()
        let yaml = """
            physicalFunctions:
              - select: { addresses: ["0000:3b:00.0"] }
                vfCount: 3
                vfDriver: vfio-pci
            """
        try scene.configure(yaml)
        try await scene.apply(try scene.daemon.configuration.declared())
        let claim = try await scene.allocate(settings: VFSettings(mac: "52:54:00:11:22:33"))
        let address = try #require(claim.assignments.first?.address)
        scene.crash(at: 1)
        _ = try? scene.daemon.host.snapshot()

        let next = try scene.restarted(reboot: true)
        #expect(next.host.now[Scene.card]?.sriov?.vfCount == 0)
        try await next.daemon.cards.recovery.recover()
        await next.daemon.cards.bootRestore.restore()
        #expect(next.host.now[Scene.card]?.sriov?.vfCount == 3)
        #expect(next.host.now[address]?.driver == "vfio-pci")
        #expect(next.host.now[address]?.vfSettings?.mac == "52:54:00:11:22:33")
        try await next.expectAtRest()
    }

    @Test("a host on which nothing was ever applied is not changed at start")
    func notResumed() async throws {
        let scene = try Scene()
        try scene.configure("physicalFunctions: [{ select: { kinds: [physical-function] }, vfCount: 2 }]")
        await scene.daemon.cards.bootRestore.restore()
        #expect(scene.host.actions.isEmpty)
    }

    @Test("claims survive a reboot: after the next apply their VFs are ready, with this boot's group numbers")
    func reboot() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, vfGroups: .shared) }
        let scene = try Scene(host)
        try await scene.apply(Scene.declaring(4))
        let owner = Owner.domain(uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
        let claim = try await scene.allocate(for: owner, settings: VFSettings(mac: "52:54:00:11:22:33"))
        scene.crash(at: 1)
        _ = try? scene.host.snapshot()
        let next = try scene.restarted(reboot: true)
        try await next.daemon.cards.recovery.recover()
        #expect(try await next.ledger.claims().map(\.id) == [claim.id])
        try await next.apply(Scene.declaring(4))
        let group = try #require(next.host.now[Scene.vf[0]]?.iommuGroup)
        let adopted = try #require(try await next.ledger.claims().first?.assignments.first)
        #expect(adopted.iommuGroup == group)
        try await next.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        #expect(next.host.now[Scene.vf[0]]?.vfSettings?.mac == "52:54:00:11:22:33")
        #expect(next.host.now[Scene.vf[0]]?.driver == "vfio-pci")
    }

    @Test("settings declared for single VFs are applied, but not to claimed VFs")
    func vfSettings() async throws {
        let scene = try Scene()
        func declaring(_ trust: Bool) -> DesiredState {
            var desired = Scene.declaring(3, vfDriver: "vfio-pci")
            desired.physicalFunctions[0].vfs = [
                VFDeclaration(range: written("0-1"), settings: VFSettings(trust: trust, maxTxRateMbps: 500))
            ]
            return desired
        }
        try await scene.apply(declaring(true))
        #expect(scene.host.now[Scene.vf[1]]?.vfSettings?.maxTxRateMbps == 500)
        #expect(scene.host.now[Scene.vf[2]]?.vfSettings?.maxTxRateMbps == 0)
        #expect(try await scene.apply(declaring(true)).isEmpty)
        let claim = try await scene.allocate(settings: VFSettings(spoofCheck: false))
        try await scene.apply(declaring(false))
        #expect(Scene.vf[0...1].map { scene.host.now[$0]?.vfSettings?.trust } == [true, false])
        try await scene.release(claim)
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.spoofCheck == true)
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.maxTxRateMbps == 500)
        try await scene.expectAtRest()
    }

    @Test("a setting that the driver refuses leaves the card as it was found")
    func refusedSetting() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, refusing: [.providerVLAN]) }
        let scene = try Scene(host)
        let before = host.now
        var desired = Scene.declaring(2)
        desired.physicalFunctions[0].vfs = [
            VFDeclaration(
                range: written("1"),
                settings: VFSettings(vlan: .tag(VLANTag(written("7"), protocol: .dot1ad)), trust: true))
        ]
        await #expect(throws: Executor.Failure.self) { try await scene.apply(desired) }
        #expect(host.now == before)
        try await scene.apply(Scene.declaring(2))
        let cut = host.now
        await #expect(throws: Executor.Failure.self) { try await scene.apply(desired) }
        #expect(host.now == cut, "trust stayed, though the VLAN was refused")
        try await scene.expectAtRest()
    }
}

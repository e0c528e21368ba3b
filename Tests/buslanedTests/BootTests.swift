// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Synchronization
import Testing

@testable import buslaned

@Suite("At boot")
struct BootTests {
    private static let second: PCIAddress = "0000:af:00.0"

    private static func twoCards() -> HostSimulator {
        HostSimulator {
            $0.numaNodes(1)
            $0.pf(Scene.card, totalVFs: 7, numa: 0)
            $0.pf(second, totalVFs: 7, numa: 0)
        }
    }

    private static let file = """
        physicalFunctions:
          - { select: { addresses: ["\(Scene.card)"] }, vfCount: 2, vfDriver: vfio-pci }
          - { select: { addresses: ["\(second)"] }, vfCount: 3, vfDriver: vfio-pci }
        """

    /// A host after an apply and a reboot, before the restore.
    private func rebooted(_ meanwhile: (HostSimulator) -> Void = { _ in }) async throws -> Scene {
        let scene = try Scene(Self.twoCards())
        try scene.configure(Self.file)
        try await scene.apply(try scene.daemon.configuration.declared())
        let next = try scene.next(reboot: true)
        meanwhile(next.host)
        return next
    }

    private func boot(_ scene: Scene, patience: Duration = .seconds(30)) async throws {
        try await scene.daemon.cards.recovery.recover()
        await scene.daemon.cards.bootRestore.restore(patience: patience)
        await scene.daemon.cards.drift.check()
    }

    private func vfCounts(_ scene: Scene) -> [Int?] {
        [Scene.card, Self.second].map { scene.host.now[$0]?.sriov?.vfCount }
    }

    @Test("the declared state is restored, and there are no problems")
    func back() async throws {
        let scene = try await rebooted()
        #expect(vfCounts(scene) == [0, 0])
        try await boot(scene)
        #expect(vfCounts(scene) == [2, 3])
        #expect(scene.daemon.cards.state.problems.isEmpty)
        try await scene.expectAtRest()
    }

    @Test("a driver that comes late is waited for, by the host's events")
    func lateDriver() async throws {
        let scene = try await rebooted { $0.lateDriver(nil, of: Self.second) }
        // At the third look it is there.
        let looks = Counter()
        scene.host.onWait { host in if looks.next() == 3 { host.lateDriver("igb", of: Self.second) } }
        try await boot(scene)
        #expect(vfCounts(scene) == [2, 3])
        #expect(scene.daemon.cards.state.problems.isEmpty)
        #expect(try await !scene.ledger.events().map(\.kind).contains(.degraded))
    }

    @Test("a late card is not repaired to what was applied before, while its event is on its way")
    func lateEvent() async throws {
        let scene = try await rebooted { $0.lateDriver(nil, of: Self.second) }
        try scene.configure(Self.file.replacing("vfCount: 3", with: "vfCount: 4"))
        await scene.daemon.cards.bootRestore.restore()
        // Its event comes right after the look for awaited cards.
        scene.host.fallBehind(looks: 1)
        scene.host.lateDriver("igb", of: Self.second)
        await scene.daemon.cards.drift.check()
        #expect(vfCounts(scene) == [2, 0])
        await scene.daemon.cards.drift.check()
        #expect(vfCounts(scene) == [2, 4])
        #expect(scene.daemon.cards.state.problems.isEmpty)
        #expect(try await !scene.ledger.events().map(\.kind).contains { [.drifted, .failed].contains($0) })
    }

    @Test("without a card the others get their VFs, the card is reported, and gets its VFs when it comes")
    func missingCard() async throws {
        let scene = try await rebooted { $0.pull(Self.second) }
        try await boot(scene, patience: .milliseconds(50))
        #expect(vfCounts(scene) == [2, nil])
        #expect(scene.daemon.cards.state.problems.first?.contains("selects no physical function") == true)
        #expect(try await scene.ledger.events().map(\.kind).contains(.degraded))
        scene.host.plug(Self.second)
        await scene.daemon.cards.drift.check()
        #expect(vfCounts(scene) == [2, 3])
        #expect(scene.daemon.cards.state.problems.isEmpty)
    }

    @Test("a missing PF does not make the daemon restore another")
    func nothingPutBack() async throws {
        let scene = try await rebooted { $0.pull(Self.second) }
        try await boot(scene, patience: .zero)
        #expect(Set(try await scene.ledger.holdings().originals.keys) == [Scene.card, Self.second])
        #expect(Set(try await scene.ledger.declared().keys) == [Scene.card, Self.second])
    }

    @Test("a PF in quarantine, or one that may not lose its VFs, does not keep the others from theirs")
    func oneRefused() async throws {
        let scene = try await rebooted()
        try await scene.ledger.quarantine(Scene.card, reason: "unknown")
        try await boot(scene)
        #expect(vfCounts(scene) == [0, 3])
        let reports = try await scene.ledger.events().filter { $0.kind == .degraded }
        #expect(reports.map(\.subject) == ["0000:3b:00.0"])
        // A process that is started later, with another configuration: VFs of one PF would vanish.
        try await scene.ledger.liftQuarantine(of: Scene.card, detail: "clean")
        try await scene.apply(Scene.declaring(2, vfDriver: "igbvf"))
        let next = try scene.next()
        try next.configure(
            Self.file.replacing("vfCount: 2", with: "vfCount: 1").replacing("vfCount: 3", with: "vfCount: 4"))
        try await boot(next)
        #expect(vfCounts(next) == [2, 4])
    }

    @Test("a claim that cannot be made ready does not block others")
    func oneClaimFails() async throws {
        let scene = try Scene(Self.twoCards())
        try scene.configure(Self.file)
        try await scene.apply(try scene.daemon.configuration.declared())
        let pools = [Scene.card, Self.second].map {
            Pool(name: "of \($0)", selector: Selector(physicalFunctions: [PFSlice($0)], kinds: [.virtualFunction]))
        }
        for pool in pools { _ = try await scene.allocate(settings: VFSettings(trust: true), from: pool) }
        let next = try scene.next(reboot: true)
        next.host.pull(Scene.card)
        try await boot(next, patience: .zero)
        let claims = try await next.ledger.claims()
        #expect(claims.count == 2)
        let second = try #require(claims.last?.assignments.first)
        #expect(next.host.now[second.address]?.driver == "vfio-pci")
        #expect(next.host.now[second.address]?.vfSettings?.trust == true)
        #expect(next.daemon.cards.state.problems.contains { $0.hasPrefix("0000:3b:") })
    }

    @Test("a configuration that cannot be read changes nothing, and is reported")
    func brokenFile() async throws {
        let scene = try await rebooted()
        try scene.configure("physicalFunctions: 7")
        await scene.daemon.cards.bootRestore.restore()
        #expect(vfCounts(scene) == [0, 0])
        #expect(try await scene.ledger.events().last?.kind == .degraded)
    }

    @Test("a host on which nothing was ever applied is not changed")
    func leftAlone() async throws {
        let scene = try Scene(Self.twoCards())
        try scene.configure(Self.file)
        try await boot(scene)
        #expect(vfCounts(scene) == [0, 0])
        #expect(scene.host.actions.isEmpty)
    }

    @Test("a claim on a VF that another program makes at each boot is made ready, though nothing was ever applied")
    func foreignVFs() async throws {
        let scene = try Scene(Self.twoCards())
        func make(_ host: HostSimulator) throws {
            try host.meanwhile(.setDriversAutoprobe(physicalFunction: Scene.card, on: false))
            try host.meanwhile(.setLink(physicalFunction: Scene.card, up: true))
            try host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 2))
        }
        try make(scene.host)
        let claim = try await scene.allocate(settings: VFSettings(trust: true))
        let next = try scene.next(reboot: true)
        try make(next.host)
        try await boot(next)
        let function = next.host.now[claim.assignments[0].address]
        #expect(function?.driver == "vfio-pci" && function?.vfSettings?.trust == true)
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

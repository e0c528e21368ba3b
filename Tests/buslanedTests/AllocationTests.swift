// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Allocating and releasing")
struct AllocationTests {
    private let scene: Scene

    init() async throws {
        scene = try Scene()
        try await scene.apply(Scene.declaring(4))
    }

    @Test("a claimed VF is bound to vfio-pci with the requested settings; its release restores it")
    func thereAndBack() async throws {
        let before = scene.host.now
        let settings = VFSettings(mac: "52:54:00:11:22:33", vlan: .id(try #require(VLANID(42))), trust: true)
        let claim = try await scene.allocate(settings: settings)
        #expect(claim.state == .bound)
        let vf = try #require(scene.host.now[Scene.vf[0]])
        #expect(vf.driver == "vfio-pci" && vf.driverOverride == "vfio-pci")
        #expect(vf.vfSettings.map(settings.isSatisfied(by:)) == true)
        try await scene.expectAtRest()
        try await scene.release(claim)
        #expect(scene.host.now == before)
        #expect(scene.host.resets(of: Scene.vf[0]) == 1)
        #expect(try await scene.ledger.claims().isEmpty)
        try await scene.expectAtRest()
    }

    @Test("a second release succeeds, reports that, and changes nothing")
    func releaseTwice() async throws {
        let claim = try await scene.allocate()
        try await scene.release(claim)
        let other = try await scene.allocate(for: .name("other"))
        let actions = scene.host.actions.count
        guard case .alreadyReleased(let record) = try await scene.release(claim) else {
            Issue.record("released again")
            return
        }
        #expect(record.id == claim.id)
        #expect(scene.host.actions.count == actions)
        #expect(try await scene.ledger.claims() == [other])
        await #expect(throws: Refusal.claim("c99", .unknown)) {
            try await scene.daemon.release.release("c99", by: Scene.root)
        }
    }

    @Test("two releases at once release a function once, and do not touch its next owner", arguments: 0..<10)
    func releasesAtOnce(round: Int) async throws {
        let claim = try await scene.allocate(4)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { _ = try await scene.release(claim) } }
            for owner in 0..<2 {
                group.addTask { _ = try? await scene.allocate(for: .name("next-\(owner)")) }
            }
            try await group.waitForAll()
        }
        for next in try await scene.ledger.claims() {
            #expect(next.id != claim.id)
            for assignment in next.assignments {
                #expect(scene.host.now[assignment.address]?.driver == "vfio-pci")
                #expect(assignment.original.driver == nil, "remembered what its previous owner had made of it")
            }
        }
        try await scene.expectAtRest()
    }

    @Test("a claim is not released while a process has its group open")
    func openGroup() async throws {
        let claim = try await scene.allocate(2)
        scene.host.open(Scene.vf[1])
        let refusal = await #expect(throws: Refusal.self) { try await scene.release(claim) }
        #expect(refusal?.code == "vf-in-use")
        #expect(try await scene.ledger.claims() == [claim])
        scene.host.close(Scene.vf[1])
        try await scene.release(claim)
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test(
        "when one function cannot be made ready, there is no claim, and the other functions are restored",
        arguments: [HostSimulator.Fault.refused("no"), .refusedAfterEffect("too late"), .ignored])
    func failingBind(fault: HostSimulator.Fault) async throws {
        let before = scene.host.now
        scene.host.fail(fault) { $0 == .probeDriver(Scene.vf[1]) }
        await #expect(throws: Executor.Failure.self) { try await scene.allocate(2) }
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.claims().isEmpty)
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
        try await scene.expectAtRest()
    }

    @Test("when the PF's driver refuses one setting, the others are undone too")
    func refusedSetting() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, refusing: [.trust]) }
        let scene = try Scene(host)
        try await scene.apply(Scene.declaring(2))
        let before = host.now
        let settings = VFSettings(mac: "52:54:00:11:22:33", trust: true)
        await #expect(throws: Executor.Failure.self) { try await scene.allocate(settings: settings) }
        #expect(host.now == before)
        #expect(try await scene.allocate(settings: VFSettings(mac: "52:54:00:11:22:33")).state == .bound)
    }

    @Test("a function that cannot be restored is quarantined, never allocated")
    func quarantine() async throws {
        let claim = try await scene.allocate()
        scene.host.fail(.refused("stuck")) { $0 == .unbindDriver(Scene.vf[0]) }
        try await scene.release(claim)
        #expect(try await scene.ledger.holdings().quarantine.keys.sorted() == [Scene.vf[0]])
        scene.host.clearFailures()
        #expect(try await scene.allocate(3).assignments.map(\.address) == Array(Scene.vf[1...3]))
        await #expect(throws: Refusal.self) { try await scene.allocate(for: .name("other")) }
    }

    @Test("eight callers for four VFs at once: four get one each, four are refused because none is left")
    func concurrency() async throws {
        let outcomes = await withTaskGroup(of: Result<Claim, any Error>.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    do { return .success(try await scene.allocate(for: .name("o\(caller)"))) } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let claims = outcomes.compactMap { try? $0.get() }
        #expect(Set(claims.flatMap(\.assignments).map(\.address)) == Set(Scene.vf))
        for outcome in outcomes {
            guard case .failure(let error) = outcome else { continue }
            #expect((error as? Refusal)?.code == "no-capacity", "\(error)")
        }
        #expect(claims.count == 4)
        try await scene.expectAtRest()
    }

    @Test("a caller that is cancelled leaves no incomplete claim", arguments: [1, 3, 6, 9, 12])
    func cancelled(after calls: Int) async throws {
        let start = scene.host.calls
        let task = Task { try await scene.allocate(3, settings: VFSettings(trust: true)) }
        while scene.host.calls < start + calls { await Task.yield() }
        task.cancel()
        _ = await task.result
        try await scene.expectAtRest()
        for claim in try await scene.ledger.claims() {
            #expect(claim.assignments.allSatisfy { scene.host.now[$0.address]?.driver == "vfio-pci" })
        }
    }

    @Test("every owner's claims can be released together")
    func releaseAll() async throws {
        _ = try await scene.allocate(2)
        _ = try await scene.allocate()
        let other = try await scene.allocate(for: .name("other"))
        #expect(try await scene.daemon.release.release(allOf: .name("fw1"), by: Scene.root).count == 2)
        #expect(try await scene.ledger.claims() == [other])
    }

    @Test("the audit trail has each success and each refusal, with the caller")
    func audit() async throws {
        let claim = try await scene.allocate()
        _ = try? await scene.allocate(9)
        try await scene.release(claim)
        let trail = try await scene.ledger.trail.newest()
        #expect(trail.map(\.verb) == ["apply", "allocate", "allocate", "release"])
        #expect(trail[1].result == "done" && trail[2].result.contains("9 wanted"))
        #expect(trail.allSatisfy { $0.actor == Scene.root })
    }

    @Test("a VF without a MAC address gets a stable one, the same after a reboot, and none after its release")
    func stableMAC() async throws {
        let claim = try await scene.allocate(2)
        let macs = claim.assignments.map(\.settings.mac)
        #expect(Set(macs.compactMap(\.self)).count == 2)
        #expect(claim.assignments.map { scene.host.now[$0.address]?.vfSettings?.mac } == macs)
        try await scene.release(claim)
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.mac?.isZero == true)
        let rebooted = try Scene(scene.host.reboot())
        try await rebooted.apply(Scene.declaring(4))
        #expect(try await rebooted.allocate(2).assignments.map(\.settings.mac) == macs)
    }

    @Test("a claim without settings gets the pool's defaults")
    func defaults() async throws {
        var pool = Scene.pool
        pool.defaults = VFSettings(vlan: .id(written("9")), trust: true, maxTxRateMbps: 100)
        let claim = try await scene.allocate(settings: VFSettings(trust: false), from: pool)
        let vf = try #require(scene.host.now[Scene.vf[0]]?.vfSettings)
        #expect(vf.vlan == .id(written("9")) && vf.trust == false && vf.maxTxRateMbps == 100)
        #expect(claim.assignments.first?.settings.isSatisfied(by: vf) == true)
        try await scene.release(claim)
        #expect(scene.host.now[Scene.vf[0]]?.vfSettings?.maxTxRateMbps == 0)
    }

    @Test("when a driver cannot clear a MAC address, the VF keeps its own, and can be claimed again")
    func zeroMACRefused() async throws {
        let host = HostSimulator { $0.pf(Scene.card, totalVFs: 7, refusing: [.zeroMAC]) }
        let scene = try Scene(host)
        try await scene.apply(Scene.declaring(1))
        let claim = try await scene.allocate(settings: VFSettings(mac: "52:54:00:11:22:33", trust: true))
        try await scene.release(claim)
        let left = try #require(host.now[Scene.vf[0]])
        let own = MACAddress.stable(
            for: VirtualFunction(physicalFunction: Scene.card, index: 0), machineID: host.now.host.machineID ?? "")
        #expect(own != nil && left.vfSettings?.mac == own)
        #expect(left.vfSettings?.trust == false && left.driver == nil)
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
        #expect(try await scene.allocate(for: .name("next")).assignments.first?.settings.mac == own)
    }
}

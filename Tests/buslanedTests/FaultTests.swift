// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel
import HostSimulator
import Testing

@testable import Ledger
@testable import buslaned

/// Errors of kernels and drivers: the report, and the state of the host afterwards.
@Suite("Faults of the host")
struct FaultTests {
    private static let desired = Scene.declaring(2, vfDriver: "vfio-pci")

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: KernelError
        let matches: @Sendable (HostAction) -> Bool
    }

    private static let faults = [
        Fault(
            testDescription: "EBUSY when VFs are made",
            error: KernelError(name: "EBUSY", reason: "2 VFs are enabled already"),
            matches: { if case .setVFCount(_, 2) = $0 { true } else { false } }),
        Fault(
            testDescription: "ENOSPC: the interrupt vectors are used up",
            error: KernelError(name: "ENOSPC", reason: "no vectors left"),
            matches: { $0 == .probeDriver(Scene.vf[1]) }),
        Fault(
            testDescription: "EIO from the driver", error: KernelError(name: "EIO", reason: "the mailbox is silent"),
            matches: { if case .setLink(_, _, true) = $0 { true } else { false } }),
        Fault(
            testDescription: "EROFS: sysfs is mounted read-only",
            error: KernelError(name: "EROFS", reason: "read-only"),
            matches: { _ in true }),
    ]

    @Test("the report names the step and the kernel's error; everything is undone", arguments: faults)
    func undone(fault: Fault) async throws {
        let scene = try Scene()
        let before = scene.host.now
        scene.host.fail(.error(fault.error), where: fault.matches)
        let failure = await #expect(throws: Executor.Failure.self) { try await scene.apply(Self.desired) }
        #expect(failure?.reason == fault.error.description)
        #expect(failure?.description.hasSuffix("everything before it was undone") == true)
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.declared().isEmpty)
        #expect(try await scene.ledger.events().last?.kind == .failed)
        #expect(try await scene.ledger.trail.newest().last?.result.contains(fault.error.description) == true)
        try await scene.expectAtRest()
        scene.host.clearFailures()
        try await scene.apply(Self.desired)
        #expect(try await scene.daemon.cards.apply.plan(for: Self.desired).isEmpty)
    }

    @Test("EINVAL for one setting of a VF: the VF's other settings and the claim are undone")
    func oneSetting() async throws {
        let host = HostSimulator {
            $0.numaNodes(1)
            $0.pf(Scene.card, totalVFs: 7, numa: 0, refusing: [.linkState])
        }
        let scene = try Scene(host)
        try await scene.apply(Self.desired)
        let before = scene.host.now
        let failure = await #expect(throws: Executor.Failure.self) {
            _ = try await scene.allocate(settings: VFSettings(trust: true, linkState: .disable))
        }
        #expect(failure?.reason == "EOPNOTSUPP: the PF's driver does not do that")
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.claims().isEmpty)
        try await scene.expectAtRest()
    }

    @Test("of four VFs the host's driver makes interfaces for three: the card is restored, and the report says so")
    func oneInterfaceLess() async throws {
        let host = HostSimulator {
            $0.numaNodes(1)
            $0.pf(Scene.card, totalVFs: 7, numa: 0, vfWithoutInterface: 2)
        }
        let scene = try Scene(host)
        let before = scene.host.now
        var desired = Scene.declaring(4)
        desired.physicalFunctions[0].driversAutoprobe = true
        let failure = await #expect(throws: Executor.Failure.self) { try await scene.apply(desired) }
        #expect(
            failure?.description.contains(
                "this does not hold: every VF of 0000:3b:00.0 has a network interface, as others of it have") == true)
        #expect(failure?.notUndone == [])
        #expect(scene.host.now == before)
        try await scene.expectAtRest()
        desired.physicalFunctions[0].vfCount = 2
        try await scene.apply(desired)
        #expect(scene.host.now[Scene.vf[1]]?.interfaces.count == 1)
    }

    @Test("the card has no more interrupt vectors: the counts that were set are restored")
    func vectors() async throws {
        let host = HostSimulator {
            $0.numaNodes(1)
            $0.pf(Scene.card, totalVFs: 7, numa: 0, msixTotal: 16)
        }
        let scene = try Scene(host)
        try await scene.apply(Self.desired)
        let before = scene.host.now
        var desired = Self.desired
        // Within the card's total, but the driver keeps some for itself.
        desired.physicalFunctions[0].vfs = [
            VFDeclaration(range: written("0"), msixCount: 6), VFDeclaration(range: written("1"), msixCount: 10),
        ]
        host.fail(.error(KernelError(name: "ENOSPC", reason: "vectors used up"))) {
            $0 == .setMSIXCount(Scene.vf[1], 10)
        }
        let failure = await #expect(throws: Executor.Failure.self) { try await scene.apply(desired) }
        #expect(
            failure?.description == "could not set MSI-X vectors of 0000:3b:10.1 to 10: ENOSPC: vectors used up; "
                + "everything before it was undone")
        #expect(scene.host.now == before)
        host.clearFailures()
        try await scene.apply(desired)
        #expect(scene.host.now[Scene.vf[1]]?.vfMSIXCount == 10)
        desired.physicalFunctions[0].vfs = []
        try await scene.apply(desired)
        #expect(scene.host.now[Scene.vf[1]]?.vfMSIXCount == 2)
        #expect(try await scene.daemon.cards.apply.plan(for: desired).isEmpty)
    }

    @Test("a VF that vanishes after its precondition was checked")
    func vanishes() async throws {
        let scene = try Scene()
        try await scene.apply(Self.desired)
        try scene.host.meanwhile(.unbindDriver(Scene.vf[1]))
        let host = scene.host
        scene.host.fail(.error(KernelError(name: "ENODEV", reason: "no such device")), times: 1) { action in
            guard action == .probeDriver(Scene.vf[1]) else { return false }
            try? host.meanwhile(.setVFCount(physicalFunction: Scene.card, count: 0))
            return true
        }
        let failure = await #expect(throws: Executor.Failure.self) { try await scene.apply(Self.desired) }
        #expect(failure?.reason == "ENODEV: no such device")
        try await scene.apply(Self.desired)
        #expect(try await scene.daemon.cards.apply.plan(for: Self.desired).isEmpty)
        try await scene.expectAtRest()
    }

    @Test("a write that hangs is reported with the process that holds it, and does not delay others")
    func hangs() async throws {
        let second: PCIAddress = "0000:af:00.0"
        let scene = try Scene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0)
                $0.pf(second, totalVFs: 7, numa: 0)
            }, writePatience: .milliseconds(500))
        let host = scene.host
        defer { host.clearFailures() }
        var both = Scene.declaring(2, vfDriver: "vfio-pci")
        both.physicalFunctions += Scene.declaring(2, of: second, vfDriver: "vfio-pci").physicalFunctions
        try await scene.apply(both)
        // Somebody opens it between the plan and the write.
        scene.host.fail(.hangs, times: 1) { action in
            guard action == .setVFCount(physicalFunction: Scene.card, count: 0) else { return false }
            host.open(Scene.vf[0])
            return true
        }
        both.physicalFunctions = both.physicalFunctions.map { declaration in
            var changed = declaration
            changed.vfCount = 3
            return changed
        }
        let failure = await #expect(throws: Executor.Failure.self) { try await scene.apply(both) }
        let said = "the write has not returned after 0.5 seconds: qemu (pid 4711) has 0000:3b:10.0 open"
        #expect(failure?.reason == said)
        #expect(failure?.notUndone.isEmpty == false)
        // The other PF was not delayed, and nothing is blocked now.
        #expect(scene.host.now[second]?.sriov?.vfCount == 3)
        #expect(try await scene.ledger.holdings().quarantine == [Scene.card: said])
        let claim = try await scene.allocate(3)
        #expect(claim.assignments.allSatisfy { $0.virtualFunction?.physicalFunction == second })
        await #expect(throws: Refusal.self) { _ = try await scene.allocate(1, for: .name("other")) }
        // After the process has closed it, it is not changed before `recover`.
        host.close(Scene.vf[0])
        await #expect(throws: Refusal.function(Scene.card, .quarantined(reason: said))) { try await scene.apply(both) }
    }

    @Test("a full disk under the ledger: no change begins that could not be recorded")
    func fullDisk() async throws {
        let scene = try Scene()
        let before = scene.host.now
        try await scene.ledger.fillTheDisk()
        await #expect(throws: (any Error).self) { try await scene.apply(Scene.declaring(7, vfDriver: "vfio-pci")) }
        #expect(scene.host.now == before)
        try await scene.ledger.enlargeTheDisk()
        try await scene.apply(Self.desired)
        #expect(try await scene.daemon.cards.apply.plan(for: Self.desired).isEmpty)
        try await scene.expectAtRest()
    }
}

extension Ledger {
    /// From here on SQLite answers as on a full disk. Source: `PRAGMA max_page_count`, SQLITE_FULL.
    fileprivate func fillTheDisk() async throws {
        try await database.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages)")
        }
        // Fill every table's last page as well, so that the next record has no room.
        let binding = Aspect.binding("0000:7f:00.0", driver: nil, driverOverride: nil)
        let change = Change(from: binding, to: binding, steps: [])
        await #expect(throws: DatabaseError.self) {
            while true { try await record(.applied, subject: "host", detail: String(repeating: "x", count: 50)) }
        }
        await #expect(throws: DatabaseError.self) {
            while true {
                _ = try await open([change], context: Intent.Context(bootID: "", purpose: .apply))
            }
        }
    }

    fileprivate func enlargeTheDisk() async throws {
        try await database.writeWithoutTransaction { db in
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = 100000")
            try db.execute(sql: "DELETE FROM intent WHERE bootID = ''")
        }
    }
}

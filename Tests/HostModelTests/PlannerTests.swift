// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

/// Performs a plan and checks every condition of its steps.
func carryOut(_ plan: Plan, on host: HostSimulator) throws {
    for step in plan.perPF.flatMap(\.changes).flatMap(\.steps) {
        for condition in step.preconditions {
            #expect(condition.holds(on: host.now), "before \(step.action): \(condition)")
        }
        try host.perform(step.action)
        for condition in step.postconditions {
            #expect(condition.holds(on: host.now), "after \(step.action): \(condition)")
        }
    }
}

func cut(_ pf: PCIAddress, into count: Int, vfDriver: String? = "vfio-pci", autoprobe: Bool = false) -> DesiredState {
    DesiredState(physicalFunctions: [
        PFDeclaration(
            selector: Selector(addresses: [pf]), vfCount: count, driversAutoprobe: autoprobe, vfDriver: vfDriver)
    ])
}

let pf: PCIAddress = "0000:3b:00.0"
let heldByFirewall = Holdings.ClaimReference(id: "c1", owner: .name("fw1"), ownerName: "fw1")

@Suite("Planning the declared state")
struct PlannerTests {
    @Test("sets up a new PF: link up, autoprobe off, VFs created, each bound; the second plan is empty")
    func freshCut() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, up: false) }
        let desired = cut(pf, into: 2)
        let plan = try Planner.plan(for: desired, on: host.now, holdings: Holdings())
        #expect(
            plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action) == [
                .setLink(physicalFunction: pf, up: true), .setDriversAutoprobe(physicalFunction: pf, on: false),
                .setVFCount(physicalFunction: pf, count: 2),
                .setDriverOverride("0000:3b:10.0", driver: "vfio-pci"), .probeDriver("0000:3b:10.0"),
                .setDriverOverride("0000:3b:10.1", driver: "vfio-pci"), .probeDriver("0000:3b:10.1"),
            ])
        #expect(plan.blastRadius.isEmpty)
        try carryOut(plan, on: host)
        #expect(host.now["0000:3b:10.1"]?.driver == "vfio-pci")
        #expect(try Planner.plan(for: desired, on: host.now, holdings: Holdings()).isEmpty)
    }

    @Test("changes a count through 0, and reports the VFs and interfaces that vanish")
    func throughZero() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let plan = try Planner.plan(for: cut(pf, into: 4), on: host.now, holdings: Holdings())
        let counts = plan.perPF.flatMap(\.changes).flatMap(\.steps).compactMap { step -> Int? in
            if case .setVFCount(_, let count) = step.action { count } else { nil }
        }
        #expect(counts == [0, 4])
        #expect(plan.blastRadius.functions == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(plan.blastRadius.interfaces.count == 2)
        try carryOut(plan, on: host)
        #expect(try Planner.plan(for: cut(pf, into: 4), on: host.now, holdings: Holdings()).isEmpty)
    }

    @Test("removing all VFs needs no driver")
    func toNone() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 3))
        let plan = try Planner.plan(for: cut(pf, into: 0), on: host.now, holdings: Holdings())
        try carryOut(plan, on: host)
        #expect(host.now[pf]?.sriov?.vfCount == 0)
    }

    @Test("changes only autoprobe without affecting the VFs")
    func autoprobeAlone() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let plan = try Planner.plan(for: cut(pf, into: 2, vfDriver: nil), on: host.now, holdings: Holdings())
        #expect(
            plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action)
                == [.setDriversAutoprobe(physicalFunction: pf, on: false)])
        #expect(plan.blastRadius.isEmpty)
    }

    @Test("predicts the addresses of VFs, unless the PF does not report offset and stride", arguments: [1, 2, 4])
    func offsetAndStride(stride: Int) throws {
        let host = HostSimulator { $0.pf("0000:3b:00.1", totalVFs: 64, offset: 384, stride: stride) }
        let sriov = try #require(host.now["0000:3b:00.1"]?.sriov)
        try host.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.1", count: 64))
        let foretold = (0..<64).map { sriov.address(ofVF: $0, physicalFunction: "0000:3b:00.1") }
        #expect(foretold == host.now["0000:3b:00.1"]?.sriov?.virtualFunctions)
        #expect(SRIOV(totalVFs: 8, vfCount: 0).address(ofVF: 0, physicalFunction: pf) == nil)
        #expect(
            SRIOV(totalVFs: 8, vfCount: 0, offset: 1, stride: 1).address(ofVF: 9, physicalFunction: "0000:ff:1f.7")
                == nil)
    }

    @Test("binds the existing VFs at their addresses, except claimed ones")
    func bindsPresentVFs() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let claimed = Holdings(claims: ["0000:3b:10.0": heldByFirewall])
        let plan = try Planner.plan(for: cut(pf, into: 2, autoprobe: true), on: host.now, holdings: claimed)
        #expect(Set(plan.perPF.flatMap(\.changes).map(\.to.subject)) == ["0000:3b:10.1"])
        try carryOut(plan, on: host)
        #expect(host.now["0000:3b:10.0"]?.driver == "igbvf")
        #expect(host.now["0000:3b:10.1"]?.driver == "vfio-pci")
    }

    @Test("restores the original state of a PF that is no longer declared")
    func restores() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, up: false) }
        let found = try #require(host.now[pf].flatMap(PFOriginal.init(of:)))
        try carryOut(try Planner.plan(for: cut(pf, into: 3), on: host.now, holdings: Holdings()), on: host)
        let holdings = Holdings(originals: [pf: found])
        let plan = try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings)
        #expect(plan.perPF.map(\.purpose) == [.restored])
        try carryOut(plan, on: host)
        #expect(host.now[pf].flatMap(PFOriginal.init(of:)) == found)
        #expect(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings).isEmpty)
        host.pull(pf)
        #expect(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings).isEmpty)
    }

    @Test("refuses to remove VFs while one is claimed or open, for another count and without a declaration")
    func refusesHeld() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try carryOut(try Planner.plan(for: cut(pf, into: 2), on: host.now, holdings: Holdings()), on: host)
        let original = [pf: PFOriginal(vfCount: 0, driversAutoprobe: true, linkUp: true)]
        let claimed = Holdings(claims: ["0000:3b:10.1": heldByFirewall], originals: original)
        let group = try #require(host.now["0000:3b:10.1"]?.iommuGroup)
        let qemu = ProcessHolder(pid: 7, command: "qemu")
        let open = Holdings(openGroups: [group: qemu], originals: original)
        for desired in [cut(pf, into: 4), cut(pf, into: 0), DesiredState()] {
            #expect(throws: Refusal.function("0000:3b:10.1", .heldByClaim(claim: "c1", owner: "fw1"))) {
                try Planner.plan(for: desired, on: host.now, holdings: claimed)
            }
            #expect(throws: Refusal.function("0000:3b:10.1", .heldByProcess(qemu))) {
                try Planner.plan(for: desired, on: host.now, holdings: open)
            }
        }
        #expect(try Planner.plan(for: cut(pf, into: 2), on: host.now, holdings: claimed).isEmpty)
    }

    @Test("refuses to change the VFs of a claimed PF")
    func refusesClaimedPF() {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        #expect(throws: Refusal.function(pf, .heldByClaim(claim: "c1", owner: "fw1"))) {
            try Planner.plan(for: cut(pf, into: 1), on: host.now, holdings: Holdings(claims: [pf: heldByFirewall]))
        }
    }

    @Test("refuses VFs for whose memory the firmware has no room, unless the card has some")
    func withoutVFMemory() throws {
        func host(vfs: Int, memory: Bool?) -> HostSnapshot {
            let sriov = SRIOV(totalVFs: 7, vfCount: vfs, offset: 128, stride: 2, hasVFMemory: memory)
            let card = Function(
                address: pf, identity: Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000), driver: "igb",
                role: .physicalFunction(sriov))
            return HostSnapshot(
                host: HostIdentity(name: "h"), iommu: IOMMU(enabled: true, kind: nil), functions: [card])
        }
        #expect(throws: Refusal.declaration(.noVFMemory(pf))) {
            try Planner.plan(for: cut(pf, into: 1), on: host(vfs: 0, memory: false), holdings: Holdings())
        }
        for accepted in [host(vfs: 0, memory: true), host(vfs: 0, memory: nil)] {
            #expect(throws: Never.self) {
                try Planner.plan(for: cut(pf, into: 1), on: accepted, holdings: Holdings())
            }
        }
    }

    @Test("refuses declarations that do not fit this host, before anything is changed")
    func refusesNonsense() {
        let host = HostSimulator {
            $0.pf(pf, totalVFs: 7)
            $0.function("0000:05:00.0", driver: "e1000e")
        }
        func refusal(_ desired: DesiredState) -> Refusal? {
            do throws(Refusal) { _ = try Planner.plan(for: desired, on: host.now, holdings: Holdings()) } catch {
                return error
            }
            return nil
        }
        #expect(refusal(cut(pf, into: 8)) == .declaration(.tooManyVFs(pf, wanted: 8, total: 7)))
        #expect(refusal(cut("0000:05:00.0", into: 1)) == .declaration(.noSRIOV("0000:05:00.0")))
        let nothing = refusal(cut("0000:77:00.0", into: 1))
        #expect(nothing?.code == "selector-matches-nothing" && nothing?.subject == "physicalFunctions[0]")
        let twice = DesiredState(
            physicalFunctions: cut(pf, into: 1).physicalFunctions + cut(pf, into: 2).physicalFunctions)
        #expect(refusal(twice) == .declaration(.declaredTwice(pf, places: [])))
    }
}

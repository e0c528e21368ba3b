// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Distributing interrupt vectors")
struct DealtVectorsTests {
    private func declare(_ vfs: [VFDeclaration], count: Int = 2, vfDriver: String? = "vfio-pci") -> DesiredState {
        DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(addresses: [pf]), vfCount: count, vfDriver: vfDriver, vfs: vfs)
        ])
    }

    private func plan(_ desired: DesiredState, on host: HostSimulator, before: DesiredState? = nil) throws -> Plan {
        var holdings = Holdings()
        holdings.declared = before?.met(on: host.now) ?? [:]
        return try Planner.plan(for: desired, on: host.now, holdings: holdings)
    }

    private func actions(_ plan: Plan) -> [HostAction] {
        plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action)
    }

    private let first: PCIAddress = "0000:3b:10.0"
    private let eight = VFDeclaration(range: written("0"), msixCount: 8)

    @Test("a new VF gets its vectors before its driver")
    func fresh() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, msixTotal: 32) }
        let made = try plan(declare([eight]), on: host)
        #expect(
            Array(actions(made).dropFirst(2)) == [
                .setMSIXCount(first, 8), .setDriverOverride(first, driver: "vfio-pci"), .probeDriver(first),
                .setDriverOverride("0000:3b:10.1", driver: "vfio-pci"), .probeDriver("0000:3b:10.1"),
            ])
        try carryOut(made, on: host)
        #expect(host.now[first]?.vfMSIXCount == 8)
        #expect(try plan(declare([eight]), on: host).isEmpty)
    }

    @Test("a bound VF is unbound for the change, and bound to its driver again afterwards")
    func bound() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, msixTotal: 32) }
        try carryOut(try plan(declare([]), on: host), on: host)
        let change = try plan(declare([eight]), on: host)
        #expect(actions(change) == [.unbindDriver(first), .setMSIXCount(first, 8), .probeDriver(first)])
        try carryOut(change, on: host)
        #expect(host.now[first]?.vfMSIXCount == 8)
        #expect(host.now[first]?.driver == "vfio-pci")
        // The driver's default is unknown: a plan depends only on whether a number was declared before.
        let back = try plan(declare([]), on: host, before: declare([eight]))
        #expect(actions(back) == [.unbindDriver(first), .setMSIXCount(first, nil), .probeDriver(first)])
        try carryOut(back, on: host)
        #expect(host.now[first]?.vfMSIXCount == 2)
        #expect(try plan(declare([]), on: host, before: declare([])).isEmpty)
    }

    @Test("a plan that changes the vectors of a VF that a guest has open is refused")
    func open() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, msixTotal: 32) }
        try carryOut(try plan(declare([]), on: host), on: host)
        let group = try #require(host.now[first]?.iommuGroup)
        let qemu = ProcessHolder(pid: 7, command: "qemu")
        #expect(throws: Refusal.function(first, .heldByProcess(qemu))) {
            try Planner.plan(for: declare([eight]), on: host.now, holdings: Holdings(openGroups: [group: qemu]))
        }
    }

    @Test("more vectors than the PF has are refused, and any if its driver does not distribute them")
    func limits() {
        let host = HostSimulator {
            $0.pf(pf, totalVFs: 7, msixTotal: 20)
            $0.pf("0000:af:00.0", totalVFs: 7)
        }
        let greedy = declare([VFDeclaration(range: written("0-2"), msixCount: 8)], count: 3)
        #expect(throws: Refusal.declaration(.tooManyVectors(pf, wanted: 24, total: 20))) { try plan(greedy, on: host) }
        var other = declare([eight])
        other.physicalFunctions[0].selector = Selector(addresses: ["0000:af:00.0"])
        #expect(throws: Refusal.declaration(.msixNotShared("0000:af:00.0", driver: "igb"))) {
            try plan(other, on: host)
        }
    }
}

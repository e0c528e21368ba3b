// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("A function whose interface is in another network namespace")
struct NamespaceTests {
    private static let vf: PCIAddress = "0000:3b:10.1"
    private static let refusal = Refusal.function(vf, .interfaceElsewhere)

    /// Two VFs on their host driver, with the second one's interface in a container.
    private func host(withoutInterface index: Int? = nil) throws -> HostSimulator {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, vfWithoutInterface: index) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        host.moveInterface(of: Self.vf)
        #expect(host.now[Self.vf]?.interfaces == [])
        return host
    }

    @Test("it is not claimed, and the inventory shows a holder")
    func placed() throws {
        let host = try host()
        func choose(_ address: PCIAddress) throws -> [PCIAddress] {
            let pool = Pool(name: "one", selector: Selector(addresses: [address]))
            return try Placement.choose(
                for: ClaimRequest(pool: pool, count: 1, owner: .name("fw1")), on: host.now, holdings: Holdings()
            ).map(\.address)
        }
        #expect(throws: Self.refusal) { try choose(Self.vf) }
        #expect(Self.refusal.code == "used-by-host")
        #expect(try choose("0000:3b:10.0") == ["0000:3b:10.0"])
        #expect(host.now[Self.vf]?.holders(HostUses()).map(\.kind) == [.network])
        #expect(host.now["0000:3b:10.0"]?.holders(HostUses()) == [])
    }

    @Test("it is in the blast radius of a plan that removes it, and no plan rebinds it")
    func planned() throws {
        let host = try host()
        let plan = try Planner.plan(for: cut(pf, into: 4), on: host.now, holdings: Holdings())
        #expect(plan.blastRadius.elsewhere == [Self.vf])
        #expect(plan.blastRadius.interfaces.count == 1)
        #expect(throws: Self.refusal) {
            try Planner.plan(for: cut(pf, into: 2), on: host.now, holdings: Holdings())
        }
    }

    @Test("no repair of a drift takes it from the container")
    func drift() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 1))
        let declaration = PFDeclaration(selector: Selector(addresses: [pf]), vfCount: 2, driversAutoprobe: true)
        func obstacles() -> [Refusal?] {
            Drift.all(from: [pf: declaration], [], on: host.now, holdings: Holdings()).map(\.obstacle)
        }
        #expect(obstacles() == [.function(pf, .usedByHost(interface: "vf59-0"))])
        host.moveInterface(of: "0000:3b:10.0")
        #expect(obstacles() == [.function("0000:3b:10.0", .interfaceElsewhere)])
    }

    @Test("a claimed VF that was given to a container meanwhile is neither bound to VFIO again nor restored")
    func takenBack() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let assignment = Assignment(
            name: "data0", address: Self.vf, virtualFunction: VirtualFunction(physicalFunction: pf, index: 1),
            iommuGroup: try #require(host.now[Self.vf]?.iommuGroup), numaNode: nil, isNetwork: true,
            settings: VFSettings(), original: OriginalState(driver: nil, driverOverride: nil, settings: nil))
        for action: HostAction in [.setDriverOverride(Self.vf, driver: "igbvf"), .probeDriver(Self.vf)] {
            try host.meanwhile(action)
        }
        #expect(try !ClaimPlanner.restore(assignment, on: host.now).isEmpty)
        host.moveInterface(of: Self.vf)
        #expect(throws: Self.refusal) { try ClaimPlanner.restore(assignment, on: host.now) }
        let function = try #require(host.now[Self.vf])
        #expect(throws: Self.refusal) { try host.refuseIfUsed(function) }
        let claim = Claim(
            id: "c1", pool: "vfs", owner: .name("fw1"), ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
            assignments: [assignment])
        #expect(Drift.all(from: [:], [claim], on: host.now, holdings: Holdings()).map(\.obstacle) == [Self.refusal])
        #expect(throws: Self.refusal) {
            try ClaimPlanner.cleanse(Self.vf, declared: nil, on: host.now, holdings: Holdings())
        }
    }

    @Test("its interface counts where every VF is to have one")
    func uniform() throws {
        #expect(Condition.uniformInterfaces(pf).holds(on: try host().now))
        #expect(!Condition.uniformInterfaces(pf).holds(on: try host(withoutInterface: 0).now))
    }
}

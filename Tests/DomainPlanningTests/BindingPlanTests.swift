// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainSamples
import DomainXML
import HostModel
import Testing

@Suite("What is to be done until a domain has what it asks for")
struct BindingPlanTests {
    private let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))

    private func claim(_ id: String, _ devices: [String: String], pool: String = "vfs", uid: Int? = nil) throws -> Claim
    {
        let assignments = try devices.sorted { $0.key < $1.key }.map { name, address in
            Assignment(
                name: name, address: try PCIAddress(address), virtualFunction: nil, iommuGroup: 1, numaNode: nil,
                isNetwork: true, settings: VFSettings(), original: OriginalState(driver: nil, driverOverride: nil))
        }
        return Claim(
            id: id, pool: pool, owner: .name("fw1"), ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
            uid: uid, assignments: assignments)
    }

    private func injected(_ name: String, _ address: String) throws -> InjectedDevice {
        InjectedDevice(name: name, address: try PCIAddress(address), kind: .hostdev, mac: nil, vlan: nil)
    }

    private func recorded(
        _ name: String, _ address: String, of claim: String, asked: String = "vfs"
    ) throws -> DomainAssignment.Device {
        .init(name: name, address: try PCIAddress(address), claim: claim, generation: 1, asked: asked)
    }

    @Test("a new device is wanted and unclaimed; one that is as recorded is wanted and needs nothing")
    func asAsked() throws {
        let request = DomainRequest(devices: [.init(name: "a", pool: "vfs"), .init(name: "b", pool: "vfs")])
        let held = try claim("c1", ["a": "3b:10.0"])
        let plan = BindingPlan(
            request: request, injected: [try injected("a", "3b:10.0")],
            record: [try recorded("a", "3b:10.0", of: "c1")], claims: [held])
        #expect(plan.wanted.map(\.name) == ["a", "b"])
        #expect(plan.unclaimed.map(\.name) == ["b"])
        #expect(plan.changed.isEmpty && plan.replaced.isEmpty && plan.released.isEmpty && plan.removed.isEmpty)
    }

    @Test("a device that its owner took out stays out and its claim ends; one that was moved stays, with its claim")
    func ownersChanges() throws {
        let request = DomainRequest(devices: [.init(name: "a", pool: "vfs"), .init(name: "b", pool: "vfs")])
        let claims = [try claim("c1", ["a": "3b:10.0"]), try claim("c2", ["b": "3b:10.1"])]
        let plan = BindingPlan(
            request: request, injected: [try injected("b", "3b:10.7")],
            record: [try recorded("a", "3b:10.0", of: "c1"), try recorded("b", "3b:10.1", of: "c2")], claims: claims)
        #expect(plan.leftOut == ["a"] && plan.moved.map(\.name) == ["b"])
        #expect(plan.wanted.isEmpty && plan.released.map(\.id) == ["c1"])
    }

    @Test("a device that the request no longer names goes, with its claim; one of another pool is replaced")
    func changedRequest() throws {
        let request = DomainRequest(devices: [.init(name: "b", pool: "other")])
        let claims = [try claim("c1", ["a": "3b:10.0"]), try claim("c2", ["b": "3b:10.1"])]
        let plan = BindingPlan(
            request: request, injected: [try injected("a", "3b:10.0"), try injected("b", "3b:10.1")],
            record: [try recorded("a", "3b:10.0", of: "c1"), try recorded("b", "3b:10.1", of: "c2")], claims: claims)
        #expect(plan.removed == ["a"] && plan.released.map(\.id) == ["c1"])
        #expect(plan.replaced.map(\.claim.id) == ["c2"])
    }

    @Test(
        "a claim made by hand serves a device only if it is of its pool and node; so does one that replaced the recorded"
    )
    func otherClaims() throws {
        for record in [[], [try recorded("a", "3b:10.0", of: "c1")]] {
            for numa in [NUMAPolicy?.none, .required(node: 1)] {
                let request = DomainRequest(numa: numa, devices: [.init(name: "a", pool: "vfs")])
                let other = try claim("c2", ["a": "3b:10.1"], pool: numa == nil ? "cheap" : "vfs", uid: 1000)
                let plan = BindingPlan(
                    request: request, injected: try record.map { _ in try injected("a", "3b:10.1") }, record: record,
                    claims: [other])
                #expect(plan.replaced.map(\.claim.id) == ["c2"])
            }
        }
    }

    @Test("a claim says what it lacks for a device of a request")
    func lacking() throws {
        let held = try claim("c1", ["a": "3b:10.0"])
        let vlan = VFSettings(vlan: .id(try VLANID("100")))
        let same = DomainRequest(devices: [.init(name: "a", pool: "vfs")])
        #expect(held.lacks(for: same.devices[0], in: same).isEmpty)
        let other = DomainRequest(
            numa: .required(node: 1), devices: [.init(name: "a", pool: "fast", settings: vlan)])
        #expect(
            held.lacks(for: other.devices[0], in: other) == ["pool fast", "NUMA policy required:1", "vlan 100"])
        let own = DomainRequest(
            numa: .required(node: 1), devices: [.init(name: "a", pool: "vfs", numa: NUMAPolicy.none)])
        #expect(held.lacks(for: own.devices[0], in: own).isEmpty)
    }

    @Test("a claim of several devices is replaced as a whole; a change without a fate leaves its claim")
    func fates() throws {
        let request = DomainRequest(devices: ["a", "b", "c"].map { .init(name: $0, pool: "other") })
        let pair = try claim("c1", ["a": "3b:10.0", "b": "3b:10.1"])
        let plan = BindingPlan(
            request: request, injected: [], record: [], claims: [pair, try claim("c2", ["c": "3b:10.2"])])
        #expect(plan.replaced.map(\.device.name) == ["a", "b", "c"])
        let wanted = ClaimRequest(pool: pool, owner: .name("fw1"))
        let changes = ClaimChanges(of: plan, [plan.replaced[0]: .kept(wanted), plan.replaced[1]: .replaced])
        #expect(changes.replaced == ["c1"] && changes.kept.isEmpty && changes.waiting.isEmpty)
        #expect(changes.replacing.map(\.name) == ["a", "b"])
        let later = ClaimChanges(of: plan, [plan.replaced[2]: .waiting, plan.replaced[0]: .kept(wanted)])
        #expect(later.waiting == ["c"] && later.replaced.isEmpty)
        #expect(later.kept.map(\.device) == ["a"] && later.kept.allSatisfy { $0.isMoved })
    }

    @Test("a name that something else in the domain has is refused before anything is claimed")
    func clashes() throws {
        let taken = Samples.q35.with("<model type='virtio'/>", as: "<model type='virtio'/><alias name='ua-buslane-a'/>")
        let plan = BindingPlan(
            request: DomainRequest(devices: [.init(name: "a", pool: "vfs")]), injected: [], record: [], claims: [])
        try plan.refuseClashes(in: try domain(Samples.q35))
        guard case .nameInUse("a", _)? = refusal({ try plan.refuseClashes(in: try domain(taken)) }) else {
            Issue.record("expected nameInUse")
            return
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Declarations of single VFs")
struct DeclaredVFTests {
    private let tag = VFSettings.VLANChoice.tag(VLANTag(written("100"), qos: 3, protocol: .dot1ad))

    private func declare(_ count: Int, _ vfs: [VFDeclaration], vfDriver: String? = "vfio-pci") -> DesiredState {
        DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(addresses: [pf]), vfCount: count, vfDriver: vfDriver, vfs: vfs)
        ])
    }

    @Test("each new VF gets its settings before its driver, and the second plan is empty")
    func fresh() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        let settings = VFSettings(vlan: tag, trust: true, linkState: .enable, maxTxRateMbps: 1000)
        let desired = declare(
            3,
            [
                VFDeclaration(range: written("0"), settings: settings),
                VFDeclaration(range: written("2"), settings: VFSettings(spoofCheck: true), driver: "igbvf"),
            ])
        let plan = try Planner.plan(for: desired, on: host.now, holdings: Holdings())
        let actions = plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action)
        #expect(
            Array(actions.dropFirst(2)) == [
                .setVFSettings(VirtualFunction(physicalFunction: pf, index: 0), settings),
                .setDriverOverride("0000:3b:10.0", driver: "vfio-pci"), .probeDriver("0000:3b:10.0"),
                .setDriverOverride("0000:3b:10.1", driver: "vfio-pci"), .probeDriver("0000:3b:10.1"),
                .setVFSettings(VirtualFunction(physicalFunction: pf, index: 2), VFSettings(spoofCheck: true)),
                .setDriverOverride("0000:3b:10.2", driver: "igbvf"), .probeDriver("0000:3b:10.2"),
            ])
        try carryOut(plan, on: host)
        #expect(host.now["0000:3b:10.0"]?.vfSettings?.vlan == tag)
        #expect(host.now["0000:3b:10.2"]?.driver == "igbvf")
        #expect(try Planner.plan(for: desired, on: host.now, holdings: Holdings()).isEmpty)
    }

    @Test("of existing VFs only differences are written; a claimed VF stays unchanged")
    func differences() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try carryOut(try Planner.plan(for: declare(2, []), on: host.now, holdings: Holdings()), on: host)
        let desired = declare(
            2, [VFDeclaration(range: written("0-1"), settings: VFSettings(trust: true, spoofCheck: true))])
        let claimed = Holdings(claims: ["0000:3b:10.0": heldByFirewall])
        let plan = try Planner.plan(for: desired, on: host.now, holdings: claimed)
        #expect(
            plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action) == [
                .setVFSettings(VirtualFunction(physicalFunction: pf, index: 1), VFSettings(trust: true))
            ])
        #expect(plan.perPF.first?.changes.first?.from.description == "VF 1 trust off, spoofchk on")
        let group = try #require(host.now["0000:3b:10.1"]?.iommuGroup)
        let qemu = ProcessHolder(pid: 7, command: "qemu")
        #expect(throws: Refusal.function("0000:3b:10.1", .heldByProcess(qemu))) {
            try Planner.plan(for: desired, on: host.now, holdings: Holdings(openGroups: [group: qemu]))
        }
    }

    @Test("refuses settings on a PF without an interface, and one MAC address for two PFs")
    func refusals() {
        let other: PCIAddress = "0000:af:00.0"
        let host = HostSimulator {
            $0.pf(pf, totalVFs: 7, interface: nil)
            $0.pf(other, totalVFs: 7)
        }
        let trusted = VFDeclaration(range: written("0"), settings: VFSettings(trust: true))
        #expect(throws: Refusal.declaration(.noInterfaceToSetThrough(pf))) {
            try Planner.plan(for: declare(1, [trusted]), on: host.now, holdings: Holdings())
        }
        let both = HostSimulator {
            $0.pf(pf, totalVFs: 7)
            $0.pf(other, totalVFs: 7)
        }
        let mac: MACAddress = "52:54:00:11:22:33"
        let desired = DesiredState(physicalFunctions: [
            PFDeclaration(
                selector: Selector(addresses: [pf, other]), vfCount: 1,
                vfs: [VFDeclaration(range: written("0"), settings: VFSettings(mac: mac))], place: "a.yaml:1:1")
        ])
        #expect(
            desired.problems(on: both.now).map(\.refusal) == [
                .declaration(.macOfSeveralCards(mac, declaration: "a.yaml:1:1", physicalFunctions: [pf, other]))
            ])
    }

    @Test("the MTU is set first and the link as declared; both are restored when the PF is no longer declared")
    func interface() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        let found = try #require(host.now[pf].flatMap(PFOriginal.init(of:)))
        var desired = declare(1, [])
        desired.physicalFunctions[0].mtu = 9000
        let plan = try Planner.plan(for: desired, on: host.now, holdings: Holdings())
        #expect(plan.perPF.first?.changes.first?.to == .mtu(pf, octets: 9000))
        try carryOut(plan, on: host)
        #expect(host.now[pf]?.interfaces.first?.mtu == 9000)
        #expect(try Planner.plan(for: desired, on: host.now, holdings: Holdings()).isEmpty)
        desired.physicalFunctions[0].linkUp = false
        try carryOut(try Planner.plan(for: desired, on: host.now, holdings: Holdings()), on: host)
        #expect(host.now[pf]?.interfaces.first?.isAdministrativelyUp == false)
        let holdings = Holdings(originals: [pf: found])
        try carryOut(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings), on: host)
        #expect(host.now[pf].flatMap(PFOriginal.init(of:)) == found)
        let bare = HostSimulator { $0.pf(pf, totalVFs: 7, interface: nil) }
        #expect(throws: Refusal.declaration(.noInterfaceToSetThrough(pf))) {
            try Planner.plan(for: desired, on: bare.now, holdings: Holdings())
        }
    }

    @Test("a VF setting that is no longer declared is reset, and nothing else")
    func noLonger() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        let first = VFDeclaration(range: written("0"), settings: VFSettings(vlan: tag, trust: true))
        let before = declare(2, [first, VFDeclaration(range: written("1"), settings: VFSettings(trust: true))])
        try carryOut(try Planner.plan(for: before, on: host.now, holdings: Holdings()), on: host)
        var holdings = Holdings()
        holdings.declared[pf] = before.physicalFunctions[0]
        let after = declare(2, [VFDeclaration(range: written("0"), settings: VFSettings(trust: true))])
        let plan = try Planner.plan(for: after, on: host.now, holdings: holdings)
        let actions = plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action)
        #expect(
            actions == [
                .setVFSettings(
                    VirtualFunction(physicalFunction: pf, index: 0), VFSettings(vlan: VFSettings.VLANChoice.none)),
                .setVFSettings(VirtualFunction(physicalFunction: pf, index: 1), VFSettings(trust: false)),
            ])
        try carryOut(plan, on: host)
        #expect(try Planner.plan(for: after, on: host.now, holdings: holdings).isEmpty)
        // A setting that was never declared is not reset.
        try host.meanwhile(
            .setVFSettings(VirtualFunction(physicalFunction: pf, index: 1), VFSettings(linkState: .disable)))
        #expect(try Planner.plan(for: after, on: host.now, holdings: holdings).isEmpty)
    }

    @Test("the MTU of a PF stays unchanged while a guest has one of its VFs")
    func mtuWhileOpen() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        var desired = declare(2, [])
        try carryOut(try Planner.plan(for: desired, on: host.now, holdings: Holdings()), on: host)
        host.open("0000:3b:10.0")
        var holdings = Holdings()
        holdings.openGroups = try host.openGroups()
        #expect(try Planner.plan(for: desired, on: host.now, holdings: holdings).isEmpty)
        desired.physicalFunctions[0].mtu = 9000
        #expect(throws: Refusal.function("0000:3b:10.0", .heldByProcess(ProcessHolder(pid: 4711, command: "qemu")))) {
            try Planner.plan(for: desired, on: host.now, holdings: holdings)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import HostSimulator
import Testing

private func interface(_ name: String, _ index: Int, up: Bool = true, mtu: Int = 1500, _ port: PortFacts)
    -> NetworkInterface
{
    NetworkInterface(
        name: name, index: index, mac: nil, state: up ? "up" : "down", isAdministrativelyUp: up, mtu: mtu, port: port)
}

@Suite("Which of a function's interfaces are its ports")
struct PortTests {
    struct Card: CustomTestStringConvertible {
        let testDescription: String
        let ports: [PortFacts]
        let others: [PortFacts]
        let ids: [PortID?]

        init(_ text: String, ports: [PortFacts], others: [PortFacts], ids: [PortID?]) {
            testDescription = text
            self.ports = ports
            self.others = others
            self.ids = ids
        }
    }

    static func named(_ names: String...) -> [PortFacts] {
        names.map { PortFacts(name: $0, number: 0, switchID: "0123", linkType: 1) }
    }

    static let cards = [
        Card("one interface", ports: [PortFacts(number: 0, linkType: 1)], others: [], ids: [nil]),
        Card("one interface of which nothing is known", ports: [PortFacts()], others: [], ids: [nil]),
        Card(
            "mlx5, ice, bnxt in switchdev", ports: named("p1"),
            others: named("pf1vf0", "pf1vf127", "pf1sf88", "c1pf0vf3", "c1pf0", "pf0hpf", "pf1"), ids: [nil]),
        Card("sfc", ports: named("p0"), others: named("p0pf0vf0", "p0pf0"), ids: [nil]),
        Card("mlx5 before Linux 5.0", ports: [PortFacts(number: 0)], others: named("0", "1", "12"), ids: [nil]),
        Card(
            "nfp with a port that is split", ports: named("p0", "p1s0", "p1s1"), others: named("pf0", "pf0vf0", "n0"),
            ids: [.name("p0"), .name("p1s0"), .name("p1s1")]),
        Card(
            "mlxsw with a line card", ports: named("p1", "l1p2", "l1p2s1"), others: [],
            ids: [.name("p1"), .name("l1p2"), .name("l1p2s1")]),
        Card(
            "ConnectX-3, Chelsio", ports: (0..<4).map { PortFacts(number: $0, linkType: 1) }, others: [],
            ids: [.number(0), .number(1), .number(2), .number(3)]),
        Card(
            "IPoIB with children", ports: [PortFacts(number: 0, linkType: 32)],
            others: [PortFacts(number: 0, linkType: 32), PortFacts(number: 0, linkType: 32, isUpper: true)], ids: [nil]),
        Card(
            "a VLAN that was found first", ports: [PortFacts(number: 0)],
            others: [PortFacts(number: 1, isUpper: true)], ids: [nil]),
        Card(
            "Chelsio's interface for the settings of VFs", ports: [], others: [PortFacts(number: 0, linkType: 65534)],
            ids: []),
        Card("two interfaces that nothing tells apart", ports: [PortFacts(), PortFacts()], others: [], ids: [nil]),
    ]

    @Test("ports by phys_port_name, phys_switch_id and dev_port", arguments: cards)
    func ports(card: Card) {
        for reversed in [false, true] {
            // The index says when an interface was created, not what it is. Where names tell, any order will do.
            let isNamed =
                card.ports.contains { $0.name != nil } || card.others.contains { $0.isUpper == false && $0.name != nil }
            guard !reversed || isNamed else { continue }
            let all = (card.ports + card.others).enumerated().map { interface("i\($0)", $0, $1) }
            let ports = Set(all.prefix(card.ports.count).map(\.name))
            let seen = reversed ? Array(all.reversed()) : all
            #expect(Set(seen.ports.map(\.name)) == ports)
            if !reversed { #expect(seen.portIDs == card.ids) }
            for (id, port) in zip(card.ids, all) where card.ids.count > 1 { #expect(seen.ports(id) == [port]) }
        }
    }

    @Test("a port's id is written as a name or a number")
    func ids() throws {
        for (id, text) in [(PortID.name("p0s1"), #"["p0s1"]"#), (.number(1), "[1]")] {
            #expect(String(decoding: try JSONEncoder().encode([id]), as: UTF8.self) == text)
            #expect(try JSONDecoder().decode([PortID].self, from: Data(text.utf8)) == [id])
        }
    }

    @Test("a VF needs one of its own ports, and no representor")
    func needs() {
        let reps = [interface("rep", 3, up: false, Self.named("pf0vf0")[0])]
        func uplink(_ up: Bool) -> VFPorts {
            VFPorts(interfaces: reps + [interface("up0", 7, up: up, Self.named("p0")[0])])
        }
        #expect(uplink(true).downPort(ofVF: 0) == nil)
        #expect(uplink(false).downPort(ofVF: 0)?.name == "up0")
        func two(_ first: Bool, _ second: Bool, _ vfsPerPort: [Int]) -> (Int) -> String? {
            let ports = VFPorts(
                interfaces: [
                    interface("ens3", 4, up: first, PortFacts(number: 0, linkType: 1)),
                    interface("ens3d1", 5, up: second, PortFacts(number: 1, linkType: 1)),
                ], vfsPerPort: vfsPerPort)
            return { ports.downPort(ofVF: $0)?.name }
        }
        // Of both ports one is enough.
        #expect([0, 1].map(two(true, false, [])) == [nil, nil])
        #expect([0, 1].map(two(false, false, [])) == ["ens3", "ens3"])
        // VFs 0 and 1 hang on port 0, VF 2 on port 1, VF 3 on both.
        #expect([0, 1, 2, 3].map(two(true, false, [2, 1])) == [nil, nil, "ens3d1", nil])
        #expect([0, 1, 2, 3].map(two(false, true, [2, 1])) == ["ens3", "ens3", nil, nil])
        let infiniBand = VFPorts(interfaces: [interface("ib0", 4, up: false, PortFacts(number: 0, linkType: 32))])
        #expect(infiniBand.downPort(ofVF: 0) == nil)
        #expect(VFPorts(interfaces: []).downPort(ofVF: 0) == nil)
    }
}

@Suite("Ports of a declared PF")
struct DeclaredPortTests {
    private func twoPorts(_ first: Bool, _ second: Bool, vfsPerPort: [Int] = []) -> HostSimulator {
        HostSimulator {
            $0.pf(pf, totalVFs: 7, interface: "ens3", up: first)
            $0.interfaces(
                of: pf, port: PortFacts(number: 0, linkType: 1),
                [.init("ens3d1", up: second, PortFacts(number: 1, linkType: 1))], vfsPerPort: vfsPerPort)
        }
    }

    private func switchdev() -> HostSimulator {
        HostSimulator {
            $0.pf(pf, totalVFs: 7, interface: "uplink")
            $0.interfaces(
                of: pf, port: PortFacts(name: "p0", number: 0, switchID: "0123"),
                ["pf0vf0", "pf0vf1", "pf0sf88"].map {
                    .init($0, up: false, PortFacts(name: $0, number: 0, switchID: "0123"))
                })
        }
    }

    private func declare(_ count: Int, mtu: Int? = nil, linkUp: Bool? = nil) -> DesiredState {
        DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(addresses: [pf]), vfCount: count, mtu: mtu, linkUp: linkUp)
        ])
    }

    private func up(_ host: HostSimulator) -> [Bool] { (host.now[pf]?.interfaces ?? []).map(\.isAdministrativelyUp) }

    @Test("representors that are down are no drift, stop no claim, and are never switched")
    func representors() throws {
        let host = switchdev()
        let found = try #require(host.now[pf].flatMap(PFOriginal.init(of:)))
        #expect(found.ports == [PFOriginal.PortState(linkUp: true, mtu: 1500)])
        try carryOut(try Planner.plan(for: declare(2), on: host.now, holdings: Holdings()), on: host)
        #expect(!host.actions.contains { if case .setLink = $0 { true } else { false } })
        #expect(try Planner.plan(for: declare(2), on: host.now, holdings: Holdings()).isEmpty)
        _ = try ClaimPlanner.ready("0000:3b:10.0", as: VFSettings(), on: host.now)
        try carryOut(
            try Planner.plan(for: declare(2, mtu: 9000, linkUp: false), on: host.now, holdings: Holdings()), on: host)
        #expect(up(host) == [false, false, false, false])
        #expect(host.now[pf]?.interfaces.map(\.mtu) == [9000, 1500, 1500, 1500])
        #expect(throws: Refusal.function(pf, .physicalFunctionDown(interface: "uplink"))) {
            try ClaimPlanner.ready("0000:3b:10.0", as: VFSettings(), on: host.now)
        }
        try carryOut(
            try Planner.plan(for: DesiredState(), on: host.now, holdings: Holdings(originals: [pf: found])), on: host)
        #expect(up(host) == [true, false, false, false])
        #expect(host.now[pf]?.interfaces.map(\.mtu) == [1500, 1500, 1500, 1500])
    }

    @Test("each port is recorded and put back by itself", arguments: [(true, false), (false, true)])
    func eachPort(first: Bool, second: Bool) throws {
        let host = twoPorts(first, second)
        let found = try #require(host.now[pf].flatMap(PFOriginal.init(of:)))
        let read = try JSONDecoder().decode(PFOriginal.self, from: try JSONEncoder().encode(found))
        #expect(read == found)
        let holdings = Holdings(originals: [pf: read])
        #expect(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings).isEmpty)
        try carryOut(try Planner.plan(for: declare(0), on: host.now, holdings: Holdings()), on: host)
        try carryOut(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings), on: host)
        #expect(up(host) == [first, second])
        try carryOut(
            try Planner.plan(for: declare(2, mtu: 9000, linkUp: true), on: host.now, holdings: Holdings()), on: host)
        #expect(up(host) == [true, true])
        #expect(host.now[pf]?.interfaces.map(\.mtu) == [9000, 9000])
        try carryOut(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings), on: host)
        #expect(up(host) == [first, second])
        #expect(host.now[pf]?.interfaces.map(\.mtu) == [1500, 1500])
    }

    @Test("each port is declared by itself, and a port that is not there is refused")
    func declaredByThemselves() throws {
        let host = twoPorts(true, false)
        func declare(_ ports: [PortDeclaration]) -> DesiredState {
            var desired = self.declare(2, mtu: 1400)
            desired.physicalFunctions[0].ports = ports
            return desired
        }
        let both = declare([
            PortDeclaration(port: .number(0), linkUp: false),
            PortDeclaration(port: .number(1), mtu: 9000, linkUp: true),
        ])
        try carryOut(try Planner.plan(for: both, on: host.now, holdings: Holdings()), on: host)
        #expect(up(host) == [false, true])
        #expect(host.now[pf]?.interfaces.map(\.mtu) == [1400, 9000])
        #expect(try Planner.plan(for: both, on: host.now, holdings: Holdings()).isEmpty)
        let known: [PortID] = [.number(0), .number(1)]
        #expect(throws: Refusal.declaration(.noSuchPort(pf, .number(2), known: known))) {
            try Planner.plan(for: declare([PortDeclaration(port: .number(2))]), on: host.now, holdings: Holdings())
        }
        let only = switchdev()
        let uplink = declare([PortDeclaration(port: .name("p0"), mtu: 9000)])
        try carryOut(try Planner.plan(for: uplink, on: only.now, holdings: Holdings()), on: only)
        #expect(only.now[pf]?.interfaces.map(\.mtu) == [9000, 1500, 1500, 1500])
        let stored = try JSONEncoder().encode(uplink.physicalFunctions[0])
        #expect(try JSONDecoder().decode(PFDeclaration.self, from: stored) == uplink.physicalFunctions[0])
    }

    @Test("VFs set up only a port that they need")
    func needed() throws {
        for (first, second, vfsPerPort, then) in [
            (true, false, [], [true, false]), (false, false, [], [true, true]),
            (true, false, [1, 1], [true, true]), (false, false, [2, 0], [true, false]),
            (false, true, [0, 2], [false, true]),
        ] as [(Bool, Bool, [Int], [Bool])] {
            let host = twoPorts(first, second, vfsPerPort: vfsPerPort)
            try carryOut(try Planner.plan(for: declare(2), on: host.now, holdings: Holdings()), on: host)
            #expect(up(host) == then)
            #expect(try Planner.plan(for: declare(2), on: host.now, holdings: Holdings()).isEmpty)
        }
    }

    @Test("a record of an earlier version has one state for all interfaces, and is used where there is only one")
    func oldRecords() throws {
        let text = #"{"vfCount":0,"driversAutoprobe":true,"linkUp":false,"mtu":1400}"#
        let old = try JSONDecoder().decode(PFOriginal.self, from: Data(text.utf8))
        #expect(old == PFOriginal(vfCount: 0, driversAutoprobe: true, linkUp: false, mtu: 1400))
        let holdings = Holdings(originals: [pf: old])
        for host in [twoPorts(true, false), switchdev()] {
            #expect(try Planner.plan(for: DesiredState(), on: host.now, holdings: holdings).isEmpty)
        }
        let single = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try carryOut(try Planner.plan(for: DesiredState(), on: single.now, holdings: holdings), on: single)
        #expect(single.now[pf]?.interfaces.first?.isAdministrativelyUp == false)
        #expect(single.now[pf]?.interfaces.first?.mtu == 1400)
    }

    @Test("an intent of an earlier version is about all ports")
    func oldIntents() throws {
        let link = try JSONDecoder().decode(Aspect.self, from: Data(#"{"link":{"_0":"0000:3b:00.0","up":true}}"#.utf8))
        #expect(link == .link(pf, up: true))
        let mtu = try JSONDecoder().decode(
            Aspect.self, from: Data(#"{"mtu":{"_0":"0000:3b:00.0","octets":9000}}"#.utf8))
        #expect(mtu == .mtu(pf, octets: 9000))
        let one = Aspect.link(pf, port: .number(1), up: false)
        #expect(try JSONDecoder().decode(Aspect.self, from: try JSONEncoder().encode(one)) == one)
        #expect(Aspect.link(pf, port: .number(7), up: false).observed(on: twoPorts(true, true).now) == nil)
    }

    @Test("names and MAC addresses of a PF are those of its ports; a representor's name selects nothing")
    func selecting() {
        let host = switchdev().now
        #expect(Selector(pfNames: ["uplink"]).matches(in: host).map(\.address) == [pf])
        #expect(Selector(pfNames: ["pf0vf0"]).matches(in: host).isEmpty)
    }

    @Test("what is set on a PF without a port is refused; Chelsio's VFs get the interface for their settings later")
    func noPort() throws {
        let chelsio = HostSimulator { $0.pf(pf, totalVFs: 7, driver: "cxgb4", interface: nil) }
        var desired = declare(2)
        desired.physicalFunctions[0].vfs = [VFDeclaration(range: written("0"), settings: VFSettings(trust: true))]
        #expect(try !Planner.plan(for: desired, on: chelsio.now, holdings: Holdings()).isEmpty)
        let management = HostSimulator {
            $0.pf(pf, totalVFs: 7, driver: "cxgb4", interface: "mgmtpf0,0", up: false)
            $0.interfaces(of: pf, port: PortFacts(number: 0, linkType: 65534), [])
        }
        try carryOut(try Planner.plan(for: declare(2), on: management.now, holdings: Holdings()), on: management)
        #expect(up(management) == [false])
        _ = try ClaimPlanner.ready("0000:3b:10.0", as: VFSettings(), on: management.now)
        #expect(throws: Refusal.declaration(.noInterfaceToSetThrough(pf))) {
            try Planner.plan(for: declare(2, linkUp: true), on: management.now, holdings: Holdings())
        }
    }
}

@Suite("doctor on a card with several interfaces")
struct PortDiagnosisTests {
    private func findings(_ interfaces: [NetworkInterface], vfs: Int, vfsPerPort: [Int] = []) -> [String] {
        let function = Function(
            address: pf, identity: Identity(vendor: 0x15b3, device: 0x101d, classCode: 0x020000), driver: "mlx5_core",
            role: .physicalFunction(SRIOV(totalVFs: 8, vfCount: vfs, vfsPerPort: vfsPerPort)), interfaces: interfaces)
        let host = HostSnapshot(
            host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: false, kind: nil), functions: [function])
        return Diagnosis(of: host, on: PlatformFacts(hooks: .init(folder: ""))).findings.filter { $0.code == "pf-down" }
            .map(\.what)
    }

    @Test("only a port that VFs need is reported")
    func ports() {
        let rep = interface("rep", 3, up: false, PortFacts(name: "pf0vf0", switchID: "0123"))
        let uplink = { interface("up0", 7, up: $0, PortFacts(name: "p0", switchID: "0123")) }
        #expect(findings([rep, uplink(true)], vfs: 2).isEmpty)
        #expect(findings([rep, uplink(false)], vfs: 2) == ["up0 of \(pf) is down, and its 2 VFs have no link"])
        #expect(findings([uplink(false)], vfs: 0) == ["up0 of \(pf) is down, and it can have 8 VFs"])
        let two = [
            interface("ens3", 4, PortFacts(number: 0)), interface("ens3d1", 5, up: false, PortFacts(number: 1)),
        ]
        #expect(findings(two, vfs: 2).isEmpty)
        #expect(
            findings(two, vfs: 3, vfsPerPort: [1, 2])
                == ["ens3d1 of \(pf) is down, and 2 of its 3 VFs have no link"])
    }
}

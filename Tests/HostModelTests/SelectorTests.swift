// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Selectors")
struct SelectorTests {
    let host: HostSnapshot

    init() throws {
        let simulator = HostSimulator {
            $0.bridge("0000:3a:00.0", numa: 0)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0, interface: "ens1f0")
            $0.pf("0000:af:00.0", totalVFs: 7, numa: 1, driver: "i40e", interface: "ens2f0")
            $0.function("0000:05:00.0", driver: "e1000e", interface: "eno1")
        }
        try simulator.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 2))
        try simulator.meanwhile(.setVFCount(physicalFunction: "0000:af:00.0", count: 1))
        host = simulator.now
    }

    private func meant(_ selector: Selector) -> [String] { selector.matches(in: host).map(\.address.description) }

    @Test("an empty selector matches every function except bridges, in address order")
    func everything() {
        #expect(
            meant(Selector()) == [
                "0000:05:00.0", "0000:3b:00.0", "0000:3b:10.0", "0000:3b:10.1", "0000:af:00.0", "0000:af:10.0",
            ])
    }

    @Test("a PF's name selects the PF and its VFs; a kind narrows it")
    func names() {
        #expect(meant(Selector(pfNames: ["ens1f0"])) == ["0000:3b:00.0", "0000:3b:10.0", "0000:3b:10.1"])
        #expect(
            meant(Selector(pfNames: ["ens1f0"], kinds: [.virtualFunction])) == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(meant(Selector(pfNames: ["eno1"])) == ["0000:05:00.0"])
    }

    @Test("every list must contain the function's value")
    func conjunction() {
        #expect(meant(Selector(physicalFunctions: ["0000:3b:00.0"], kinds: [.physicalFunction])) == ["0000:3b:00.0"])
        #expect(meant(Selector(numaNodes: [1])) == ["0000:af:00.0", "0000:af:10.0"])
        #expect(meant(Selector(drivers: ["i40e", "e1000e"], numaNodes: [1])) == ["0000:af:00.0"])
        #expect(meant(Selector(vendors: [0x8086], devices: [0x10ca], numaNodes: [0])).count == 2)
        #expect(meant(Selector(addresses: ["0000:05:00.0"], kinds: [.virtualFunction])).isEmpty)
        #expect(meant(Selector(addresses: [])).isEmpty)
    }

    @Test("a function without a known node matches no node, and one without a driver matches no driver")
    func unknown() {
        #expect(!meant(Selector(numaNodes: [0, 1])).contains("0000:05:00.0"))
        #expect(meant(Selector(drivers: [""])).isEmpty)
    }

    @Test("a range after a PF's name or address selects only those VFs, not the PF")
    func ranges() {
        #expect(meant(Selector(pfNames: ["ens1f0#1"])) == ["0000:3b:10.1"])
        #expect(meant(Selector(physicalFunctions: ["0000:3b:00.0#0,5-9", "0000:af:00.0"])).count == 3)
        #expect(meant(Selector(vfs: [written("0")])) == ["0000:3b:10.0", "0000:af:10.0"])
        #expect(meant(Selector(pfNames: ["ens1f0#7"])).isEmpty)
    }

    @Test("a class matches by its prefix")
    func classes() {
        #expect(meant(Selector(classes: [written("02")])).count == 6)
        #expect(meant(Selector(classes: [written("020000")])).count == 6)
        #expect(meant(Selector(classes: [written("0108"), written("0300")])).isEmpty)
    }

    @Test("a MAC address selects the PF whose interface has it, and a path the device in that slot")
    func cards() throws {
        var (port, card) = (Function(address: "0000:3a:00.0", identity: bridge), Function(address: pf, identity: nic))
        card.parent = "0000:3a:00.0"
        card.role = .physicalFunction(SRIOV(totalVFs: 7, vfCount: 1, virtualFunctions: ["0000:3b:10.0"]))
        card.interfaces = [
            NetworkInterface(
                name: "ens1f0", index: 2, mac: "b8:ce:f6:00:00:01", state: "up", isAdministrativelyUp: true)
        ]
        let vf = Function(
            address: "0000:3b:10.0", identity: nic, parent: "0000:3a:00.0",
            role: .virtualFunction(VirtualFunction(physicalFunction: pf, index: 0)))
        port.parent = nil
        let host = HostSnapshot(
            host: HostIdentity(name: "a"), iommu: IOMMU(enabled: true, kind: nil), functions: [port, card, vf])
        for selector in [
            Selector(macs: ["b8:ce:f6:00:00:01"]), Selector(paths: [written("0000:3a:00.0/00.0")]),
            Selector(paths: [written("3a:0.0/0.0")]),
        ] {
            #expect(selector.matches(in: host).map(\.address) == [pf, "0000:3b:10.0"])
        }
        #expect(SlotPath(of: vf, on: host)?.description == "0000:3a:00.0/10.0")
        #expect(Selector(paths: [written("0000:3a:00.0/00.1")]).matches(in: host).isEmpty)
        var circle = card
        circle.parent = pf
        let mad = HostSnapshot(host: host.host, iommu: host.iommu, functions: [circle])
        #expect(SlotPath(of: circle, on: mad) == nil)
    }

    private let bridge = Identity(vendor: 0x8086, device: 0x2030, classCode: 0x060400)
    private let nic = Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000)

    @Test("a selector that matches nothing reports what each key matches, and similar values")
    func meetings() {
        let selector = Selector(vendors: [0x8086], pfNames: ["ens1fO"], numaNodes: [1])
        #expect(
            selector.meetings(on: host).map(\.description) == [
                "vendors 8086 meets 0000:05:00.0, 0000:3b:00.0, 0000:af:00.0",
                "pfNames ens1fO meets none (there is ens1f0)", "numaNodes 1 meets 0000:af:00.0",
            ])
        let declared = DesiredState(physicalFunctions: [PFDeclaration(selector: selector, vfCount: 1, place: "a:1:1")])
        let refusal = declared.problems(on: host).first?.refusal
        #expect(refusal?.code == "selector-matches-nothing" && refusal?.subject == "a:1:1")
        #expect(refusal?.message.contains("there is ens1f0") == true)
    }

    @Test("a MAC address that two PFs have is ambiguous")
    func ambiguous() {
        func card(_ address: PCIAddress, _ name: String) -> Function {
            Function(
                address: address, identity: nic, role: .physicalFunction(SRIOV(totalVFs: 7, vfCount: 0)),
                interfaces: [
                    NetworkInterface(
                        name: name, index: 2, mac: "b8:ce:f6:00:00:01", state: "up", isAdministrativelyUp: true)
                ])
        }
        let bonded = HostSnapshot(
            host: HostIdentity(name: "a"), iommu: IOMMU(enabled: true, kind: nil),
            functions: [card(pf, "a"), card("0000:af:00.0", "b")])
        let desired = DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(macs: ["b8:ce:f6:00:00:01"]), vfCount: 1)
        ])
        let refusal = desired.problems(on: bonded).first?.refusal
        #expect(refusal?.code == "selector-ambiguous")
        #expect(refusal?.message.contains("meets 0000:3b:00.0, 0000:af:00.0") == true)
    }

    @Test("every declaration that does not fit is reported; a PF that is declared twice names both places")
    func problems() {
        func declare(_ selector: Selector, _ count: Int, _ place: String) -> PFDeclaration {
            PFDeclaration(selector: selector, vfCount: count, place: place)
        }
        let desired = DesiredState(physicalFunctions: [
            declare(Selector(pfNames: ["ens1f0"]), 9, "a:1:1"), declare(Selector(pfNames: ["ens2f0"]), 2, "a:2:1"),
            declare(Selector(drivers: ["i40e"]), 2, "a:3:1"), declare(Selector(pfNames: ["eno1"]), 1, "a:4:1"),
        ])
        #expect(
            desired.problems(on: host) == [
                DeclarationProblem(
                    place: "a:1:1", refusal: .declaration(.tooManyVFs("0000:3b:00.0", wanted: 9, total: 7))),
                DeclarationProblem(place: "a:4:1", refusal: .declaration(.noSRIOV("0000:05:00.0"))),
                DeclarationProblem(
                    place: "a:3:1", refusal: .declaration(.declaredTwice("0000:af:00.0", places: ["a:2:1", "a:3:1"]))),
            ])
    }
}

@Suite("Words that look alike")
struct SpellingTests {
    @Test(
        "finds the most similar word, and none if no word is similar",
        arguments: [
            ("vfCout", "vfCount"), ("VFCOUNT", "vfCount"), ("pfName", "pfNames"), ("linkstate", "linkState"),
            ("zzz", nil), ("", nil),
        ] as [(String, String?)])
    func nearest(given: String, meant: String?) {
        #expect(given.nearest(among: ["vfCount", "pfNames", "linkState", "select"]) == meant)
    }

    @Test(
        "a range of VFs is read, sorted and printed",
        arguments: [("0-3,5", "0-3,5"), ("5,0-3", "0-3,5"), ("0-3,2,4", "0-4"), ("7", "7"), ("1-1", "1")])
    func ranges(text: String, printed: String) throws {
        let range = try VFRange(text)
        #expect(range.description == printed)
        #expect(range.count == range.indexes.count && range.indexes.allSatisfy(range.contains))
        #expect(range.indexes.last == range.last)
    }

    @Test("refuses a malformed range of VFs", arguments: ["", "-", "3-1", "a", "1-", "-1", "0,,1", "0-70000", "1 - 2"])
    func malformed(text: String) { #expect(throws: MalformedValue.self) { try VFRange(text) } }
}

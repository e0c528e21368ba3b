// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import HostSimulator
import TemporaryFiles
import Testing

@testable import ConfigurationFiles

@Suite("The configuration file")
struct ConfigurationTests {
    @Test("declares cards and pools, in the words of the documentation")
    func good() throws {
        let desired = try DesiredState(
            yaml: """
                physicalFunctions:
                  - select: {pfNames: [ens1f0]}
                    vfCount: 4
                    vfDriver: vfio-pci
                  - select:
                      addresses: ["0000:af:00.0"]
                    vfCount: 0
                    driversAutoprobe: true
                    mtu: 9000
                    linkUp: no
                pools:
                  - name: dataplane
                    select:
                      vendors: ["8086"]
                      devices: ["154c", 1572]
                      drivers: [iavf]
                      physicalFunctions: ["0000:3b:00.0"]
                      numaNodes: [0, 1]
                      kinds: [virtual-function]
                    numa: required:1
                  - name: any
                    select: {kinds: [function, physical-function]}
                """, file: "buslane.yaml")
        #expect(
            desired.physicalFunctions == [
                PFDeclaration(
                    selector: Selector(pfNames: ["ens1f0"]), vfCount: 4, vfDriver: "vfio-pci",
                    place: "buslane.yaml:2:5"),
                PFDeclaration(
                    selector: Selector(addresses: ["0000:af:00.0"]), vfCount: 0, driversAutoprobe: true, mtu: 9000,
                    linkUp: false,
                    place: "buslane.yaml:5:5"),
            ])
        #expect(
            desired.pool("dataplane")
                == Pool(
                    name: "dataplane",
                    selector: Selector(
                        vendors: [0x8086], devices: [0x154c, 0x1572], drivers: ["iavf"],
                        physicalFunctions: ["0000:3b:00.0"], numaNodes: [0, 1], kinds: [.virtualFunction]),
                    numa: .required(node: 1), place: "buslane.yaml:12:5"))
        #expect(desired.pools.map(\.name) == ["dataplane", "any"])
        #expect(desired.pool("any")?.numa == NUMAPolicy.none)
    }

    @Test("a file declares nothing by saying so", arguments: ["physicalFunctions: []\n", "pools: []\n"])
    func nothing(text: String) throws {
        #expect(try DesiredState(yaml: text, file: "a.yaml") == DesiredState())
    }

    @Test("an empty file is one that somebody was about to write", arguments: ["", "# nothing yet\n", "---\n", "\n"])
    func empty(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try DesiredState(yaml: text, file: "a.yaml") }
        #expect(error?.description == "a.yaml: declares nothing")
        #expect(error?.remedy?.contains("physicalFunctions: []") == true)
    }

    @Test("a tab is no indentation to YAML, and the error says so")
    func tabs() {
        let error = #expect(throws: ConfigurationError.self) {
            try DesiredState(yaml: "pools:\n  - name: a\n\tselect: {numaNodes: [0]}\n", file: "a.yaml")
        }
        #expect(error?.place.line == 3, "\(error as Any)")
        #expect(error?.remedy == "indent with spaces: YAML does not allow tabs")
    }

    @Test(
        "every error names its line, and what was meant where that can be guessed",
        arguments: [
            ("pool:\n  - name: a\n", 1, "unknown key 'pool'", "did you mean 'pools'"),
            ("pools:\n  - nme: a\n    select: {numaNodes: [0]}\n", 2, "unknown key 'nme'", "did you mean 'name'"),
            ("pools:\n  - name: a\n    select: {numaNode: [0]}\n", 3, "unknown key 'numaNode'", "'numaNodes'"),
            ("pools:\n  - name: a\n    select: {}\n", 3, "empty selector", "addresses"),
            ("pools:\n  - name: a\n", 2, "has no 'select'", ""),
            ("pools:\n  - select: {numaNodes: [0]}\n", 2, "has no 'name'", ""),
            ("pools: 3\n", 1, "expected a list", ""),
            ("- a\n- b\n", 1, "expected a mapping", ""),
            ("pools:\n  - name: a\n    select: {kinds: [vf]}\n", 3, "'vf' is not a kind", "virtual-function"),
            ("pools:\n  - name: a\n    select: {addresses: [eth0]}\n", 3, "'eth0' is not a PCI address", ""),
            ("pools:\n  - name: a\n    select: {vendors: [intel]}\n", 3, "'intel' is not a PCI id", "8086"),
            ("pools:\n  - name: a\n    numa: near\n    select: {numaNodes: [0]}\n", 3, "NUMA policy", ""),
            ("physicalFunctions:\n  - select: {pfNames: [a]}\n", 2, "has no 'vfCount'", ""),
            ("physicalFunctions:\n  - vfCount: 1\n", 2, "has no 'select'", ""),
            ("physicalFunctions:\n  - vfCount: -1\n    select: {pfNames: [a]}\n", 2, "expected a number from 0", ""),
            ("physicalFunctions:\n  - vfCount: two\n    select: {pfNames: [a]}\n", 2, "expected a number", ""),
            (
                "physicalFunctions:\n  - vfCount: 1\n    driversAutoprobe: maybe\n    select: {pfNames: [a]}\n", 3,
                "expected true or false", ""
            ),
            (
                "pools:\n  - name: a\n    select: {numaNodes: [0]}\n  - name: a\n    select: {numaNodes: [0]}\n", 4,
                "pool 'a' is declared twice: first at a.yaml:2:11", "rename"
            ),
            (
                "physicalFunctions:\n  - {vfCount: 1, select: {addresses: ['3b:00.0']}}\n"
                    + "  - {vfCount: 1, select: {physicalFunctions: ['0000:3B:00.0']}}\n", 3,
                "0000:3B:00.0 is declared already, at a.yaml:2:39", "one declaration"
            ),
            ("physicalFunctions:\n  - {vfCount: 1, select: {pfNames: ['a#0-3']}}\n", 2, "whole PFs", "'#'"),
            ("physicalFunctions:\n  - {vfCount: 1, select: {pfNames: [a], vfs: [0]}}\n", 2, "whole PFs", "pools"),
            ("physicalFunctions:\n  - {numVfs: 1, select: {pfNames: [a]}}\n", 2, "unknown key 'numVfs'", "'vfCount'"),
            ("pools:\n  - name: a\n    select: {rootDevices: [a]}\n", 3, "'rootDevices'", "'physicalFunctions'?"),
            ("pools:\n  - name: a\n    select: {zzz: [a]}\n", 3, "unknown key 'zzz'", "known: addresses"),
            ("pools:\n  - name: a\n    select: {numaNodes: []}\n", 3, "an empty list", "leave the key out"),
            ("pools:\n  - name: a\n    select: {kinds: [virtual-funtion]}\n", 3, "not a kind", "'virtual-function'?"),
            ("pools:\n  - name: a\n    select: {addresses: ['3b:00.0#1']}\n", 3, "not VFs", "'physicalFunctions'"),
            ("pools:\n  - name: a\n    select: {pfNames: ['a#3-1']}\n", 3, "'3-1' is not a range of VFs", ""),
            ("pools:\n  - name: a\n    select: {vfs: ['0,,2']}\n", 3, "not a range of VFs", ""),
            ("pools:\n  - name: a\n    select: {classes: [net]}\n", 3, "not a device class", ""),
            ("pools:\n  - name: a\n    select: {paths: [eth0]}\n", 3, "not a path to a slot", ""),
            ("pools:\n  - name: a\n    select: {serials: ['a0-36-9f']}\n", 3, "not a PCIe serial number", ""),
            ("pools:\n  - name: a\n    exclusive: maybe\n    select: {numaNodes: [0]}\n", 3, "true or false", ""),
            ("pools:\n  - name: a\n    select: {macs: ['52:54']}\n", 3, "not a MAC address", ""),
            ("pools:\n  - name: [\n", 3, "", ""),
            ("pools: []\npools: []\n", 1, "'pools' is given twice", ""),
        ])
    func errors(text: String, line: Int, problem: String, remedy: String) {
        let error = #expect(throws: ConfigurationError.self) { try DesiredState(yaml: text, file: "a.yaml") }
        #expect(error?.place.line == line, "\(error as Any)")
        #expect(error?.place.description.hasPrefix("a.yaml:\(line)") == true)
        #expect(error?.problem.contains(problem) ?? false || problem.isEmpty, "\(error as Any)")
        #expect(error?.remedy?.contains(remedy) ?? false || remedy.isEmpty, "\(error as Any)")
        #expect(error?.description.contains("\n") == false, "\(error as Any)")
    }

    @Test("a selector has every key, with ranges of VFs behind a name or an address")
    func selector() throws {
        let desired = try DesiredState(
            yaml: """
                pools:
                  - name: lanes
                    select:
                      classes: ["0200", "0108"]
                      pfNames: ["ens1f0#0-3,5", ens1f1]
                      physicalFunctions: ["0000:3b:00.0#2", "0000:af:00.0"]
                      paths: ["0000:3a:00.0/00.0"]
                      macs: ["52:54:00:11:22:33"]
                      serials: ["A0-36-9f-ff-ff-12-34-56"]
                      vfs: [0-3, 5]
                """, file: "a.yaml")
        #expect(
            desired.pool("lanes")?.selector
                == Selector(
                    classes: [written("0200"), written("0108")], pfNames: ["ens1f0#0-3,5", "ens1f1"],
                    physicalFunctions: ["0000:3b:00.0#2", "0000:af:00.0"], paths: [written("0000:3a:00.0/00.0")],
                    macs: ["52:54:00:11:22:33"], serials: [written("a0-36-9f-ff-ff-12-34-56")],
                    vfs: [written("0-3"), written("5")]))
    }

    @Test("a pool has defaults, but no MAC address")
    func defaults() throws {
        func text(_ defaults: String) -> String {
            "pools: [{name: a, select: {numaNodes: [0]},\n  defaults: \(defaults)}]"
        }
        #expect(
            try DesiredState(yaml: text("{vlan: 5, trust: on, maxTxRate: 10}"), file: "a.yaml").pool("a")?.defaults
                == VFSettings(vlan: .id(written("5")), trust: true, maxTxRateMbps: 10))
        let error = #expect(throws: ConfigurationError.self) {
            try DesiredState(yaml: text("{mac: '52:54:00:11:22:33'}"), file: "a.yaml")
        }
        #expect(error?.description == "a.yaml:2:14: unknown key 'mac'")
    }

    @Test("a pool says who may claim from it, how many, and from which card first")
    func poolKeys() throws {
        let desired = try DesiredState(
            yaml: """
                pools:
                  - name: a
                    select: {numaNodes: [0]}
                    numa: socket:1
                    spread: pf
                    order: pack
                    exclusive: yes
                    allow: {users: [alice, bob], groups: [vnf]}
                    maxClaims: 3
                    choices: {vlans: "0,100-199", mac: no, trust: yes}
                """, file: "a.yaml")
        let vlans = try VLANRanges("0,100-199")
        #expect(
            desired.pool("a")
                == Pool(
                    name: "a", selector: Selector(numaNodes: [0]), numa: .socket(node: 1), spread: .pf, order: .pack,
                    isExclusive: true, access: Access(users: ["alice", "bob"], groups: ["vnf"]), maxClaims: 3,
                    choices: PoolChoices(vlans: vlans, mac: false, trust: true),
                    place: "a.yaml:2:5"))
        for (text, problem) in [
            ("spread: card", "'card' is not a way to spread a claim"),
            ("order: best", "'best' is not an order of cards"),
            ("allow: [alice]", "expected a mapping with users, groups"),
            ("allow: {user: [a]}", "unknown key 'user'"), ("maxClaims: 0", "expected a number from 1 to 65535"),
            ("choices: {rate: on}", "unknown key 'rate'"),
            ("choices: {vlans: [100, 200]}", "expected numbers and ranges in one string"),
            (
                "choices: {vlans: 5000}",
                "'5000' is not a list of VLANs: expected ids and ranges up to 4094, like 100-199,300; 0 for no VLAN"
            ),
        ] {
            let error = #expect(throws: ConfigurationError.self) {
                try DesiredState(yaml: "pools: [{name: a, select: {numaNodes: [0]}, \(text)}]", file: "a.yaml")
            }
            #expect(error?.problem == problem)
        }
    }

    @Test("a card's VFs have settings of their own, by range")
    func vfs() throws {
        let desired = try DesiredState(
            yaml: """
                physicalFunctions:
                  - select: {addresses: ["0000:3b:00.0"]}
                    vfCount: 8
                    vfs:
                      - {range: 0-3, vlan: 100, qos: 3, protocol: 802.1ad, spoofCheck: on, trust: off}
                      - {range: 5, mac: "52:54:00:11:22:33", vlan: 0, linkState: auto, vfDriver: iavf}
                      - {range: "6,7", minTxRate: 100, maxTxRate: 1000, vlan: 7}
                """, file: "a.yaml")
        #expect(
            desired.physicalFunctions.first?.vfs == [
                VFDeclaration(
                    range: written("0-3"),
                    settings: VFSettings(
                        vlan: .tag(VLANTag(written("100"), qos: 3, protocol: .dot1ad)), trust: false, spoofCheck: true)),
                VFDeclaration(
                    range: written("5"),
                    settings: VFSettings(
                        mac: "52:54:00:11:22:33", vlan: VFSettings.VLANChoice.none, linkState: .auto), driver: "iavf"),
                VFDeclaration(
                    range: written("6-7"),
                    settings: VFSettings(vlan: .id(written("7")), minTxRateMbps: 100, maxTxRateMbps: 1000)),
            ])
    }

    @Test(
        "an error in a VF's settings names its line, and the other place where there are two",
        arguments: [
            ("{vlan: 5}", "2:7", "has no 'range'", ""), ("{range: 0-8}", "2:15", "no VF 8: vfCount is 8", "smaller"),
            ("{range: 0-2}\n    - {range: 2-4}", "3:7", "VF 2 is declared already, at a.yaml:2:7", ""),
            ("{range: 0-1, mac: '52:54:00:11:22:33'}", "2:25", "2 VFs cannot have one MAC address", "own range"),
            ("{range: 0, mac: '00:00:00:00:00:00'}", "2:23", "it is zero", ""),
            ("{range: 0, mac: '01:00:5e:00:00:01'}", "2:23", "it is multicast", ""),
            (
                "{range: 0, mac: '52:54:00:11:22:33'}\n    - {range: 1, mac: '52:54:00:11:22:33'}", "3:23",
                "given already, at a.yaml:2:23", ""
            ),
            ("{range: 0, qos: 3}", "2:23", "needs a VLAN", ""), ("{range: 0, vlan: 0, qos: 3}", "2:32", "none", ""),
            ("{range: 0, vlan: 1, qos: 8}", "2:32", "from 0 to 7", ""),
            ("{range: 0, vlan: 4095}", "2:24", "from 0 to 4094", ""),
            ("{range: 0, vlan: 1, protocol: 802.1ax}", "2:37", "not a VLAN protocol", "'802.1ad'?"),
            ("{range: 0, linkState: up}", "2:29", "not a link state", "auto, enable, disable"),
            ("{range: 0, minTxRate: 5, maxTxRate: 4}", "2:29", "above the maximum", ""),
            ("{range: 0, spoofChk: on}", "2:18", "unknown key 'spoofChk'", "'spoofCheck'?"),
            ("{range: 0, max_tx_rate: 5}", "2:18", "unknown key", "'maxTxRate'?"),
            ("{range: 0, vlan: 5000}", "2:24", "from 0 to 4094", ""),
            ("{range: 0, msixCount: 0}", "2:29", "from 1 to 2048", ""),
            ("{range: 0, sriov_vf_msix_count: 4}", "2:18", "unknown key", "'msixCount'?"),
            ("{range: 0, trust: maybe}", "2:25", "true or false", ""),
        ])
    func vfErrors(vfs: String, place: String, problem: String, remedy: String) {
        let text = "physicalFunctions: [{select: {pfNames: [a]}, vfCount: 8, vfs: [\n      \(vfs)]}]\n"
            .replacingOccurrences(of: "\n    - ", with: ",\n      ")
        let error = #expect(throws: ConfigurationError.self) { try DesiredState(yaml: text, file: "a.yaml") }
        #expect(error?.place.description == "a.yaml:\(place)", "\(error as Any)")
        #expect(error?.problem.contains(problem) ?? false, "\(error as Any)")
        #expect(error?.remedy?.contains(remedy) ?? remedy.isEmpty, "\(error as Any)")
    }

    @Test("reading continues after an error, so that all errors are reported at once")
    func everyError() {
        var reader = ConfigurationReader()
        reader.read(
            """
            physicalFunctions:
              - {vfCount: 1, select: {pfNames: [a], speed: [1]}}
              - {vfCount: 2, select: {pfNames: [b]}}
            pools:
              - {name: x, select: {}}
              - {name: y, select: {numaNodes: [0]}}
            """, file: "a.yaml")
        reader.read("pool: []", file: "b.yaml")
        #expect(reader.errors.map(\.place.description) == ["a.yaml:2:41", "a.yaml:5:23", "b.yaml:1:1"])
        #expect(reader.desired.physicalFunctions.map(\.vfCount) == [2])
        #expect(reader.desired.pools.map(\.name) == ["y"])
    }

    @Test("each error of an entry is reported, in the order of their lines")
    func everyErrorOfAnEntry() {
        var reader = ConfigurationReader()
        reader.read(
            """
            pools:
              - name: x
                numa: near
                select: {vendors: [intel, "8086", amd], kinds: [vf]}
            physicalFunctions:
              - vfCount: -1
                mtu: 1
                speed: 3
                vfs:
                  - {range: 0, vlan: 5000, trust: maybe}
                  - {range: x, qos: 9}
                  - {range: 0, mac: "01:00:5e:00:00:01"}
            """, file: "a.yaml")
        #expect(
            reader.errors.map { "\($0.place.line ?? 0) \($0.problem)" } == [
                "3 'near' is not a NUMA policy: expected none, preferred, required or socket, the last three with a node or "
                    + "without: required:1",
                "4 'intel' is not a PCI id", "4 'amd' is not a PCI id", "4 'vf' is not a kind of function",
                "6 has no 'select'", "6 expected a number from 0 to 65535", "7 expected a number from 68 to 65535",
                "8 unknown key 'speed'", "10 expected a number from 0 to 4094", "10 expected true or false",
                "11 'x' is not a range of VFs: expected indexes and ranges, like 0-3,5",
                "11 'qos' needs a VLAN, and none is set", "12 VF 0 is declared already, at a.yaml:10:9",
                "12 a VF cannot have the MAC address 01:00:5e:00:00:01: it is multicast",
            ])
        #expect(reader.desired == DesiredState())
    }

    @Test("reads buslane.yaml first, then conf.d in name order, and names the file that is wrong")
    func folder() throws {
        let folder = TemporaryFolder()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
        }
        let configuration = ConfigurationFolder(directory: folder.path)
        let missing = #expect(throws: ConfigurationError.self) { try configuration.load() }
        #expect(missing?.place.file == folder.path + "/buslane.yaml")
        try FileManager.default.createDirectory(atPath: folder.path + "/conf.d", withIntermediateDirectories: true)
        func pool(_ name: String) -> String { "pools:\n  - {name: \(name), select: {numaNodes: [0]}}\n" }
        try write("conf.d/20-b.yaml", pool("third"))
        try write("conf.d/10-a.yaml", pool("second"))
        try write("conf.d/15-x.yaml.bak", "nonsense: [")
        try write("conf.d/.hidden.yaml", "nonsense: [")
        try write("buslane.yaml", pool("first"))
        #expect(try configuration.load().pools.map(\.name) == ["first", "second", "third"])
        try write("conf.d/30-c.yaml", pool("first"))
        let error = #expect(throws: ConfigurationError.self) { try configuration.load() }
        #expect(error?.place.file == folder.path + "/conf.d/30-c.yaml")
        #expect(error?.problem.contains("first at \(folder.path)/buslane.yaml:2:12") == true, "\(error as Any)")
    }
}

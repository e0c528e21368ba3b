// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import HostSimulator
import Testing

@testable import buslaned

@Suite("The configuration file")
struct ConfigurationTests {
    @Test("declares cards and pools, in the words of the documentation")
    func good() throws {
        let desired = try Configuration.parse(
            """
            physicalFunctions:
              - select: {pfNames: [ens1f0]}
                vfCount: 4
                vfDriver: vfio-pci
              - select:
                  addresses: ["0000:af:00.0"]
                vfCount: 0
                driversAutoprobe: true
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
                PFDeclaration(selector: Selector(pfNames: ["ens1f0"]), vfCount: 4, vfDriver: "vfio-pci"),
                PFDeclaration(selector: Selector(addresses: ["0000:af:00.0"]), vfCount: 0, driversAutoprobe: true),
            ])
        #expect(
            desired.pool("dataplane")
                == Pool(
                    name: "dataplane",
                    selector: Selector(
                        vendors: [0x8086], devices: [0x154c, 0x1572], drivers: ["iavf"],
                        physicalFunctions: ["0000:3b:00.0"], numaNodes: [0, 1], kinds: [.virtualFunction]),
                    numa: .required(node: 1)))
        #expect(desired.pools.map(\.name) == ["dataplane", "any"])
        #expect(desired.pool("any")?.numa == NUMAPolicy.none)
    }

    @Test("an empty file declares nothing", arguments: ["", "# nothing yet\n", "---\n", "pools: []\n"])
    func empty(text: String) throws {
        #expect(try Configuration.parse(text, file: "a.yaml") == DesiredState())
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
                "pool 'a' is declared twice", ""
            ),
            ("pools:\n  - name: [\n", 3, "", ""),
            ("pools: []\npools: []\n", 1, "'pools' is given twice", ""),
        ])
    func errors(text: String, line: Int, problem: String, remedy: String) {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(text, file: "a.yaml") }
        #expect(error?.line == line, "\(error as Any)")
        #expect(error?.place.hasPrefix("a.yaml:\(line)") == true)
        #expect(error?.problem.contains(problem) ?? false || problem.isEmpty, "\(error as Any)")
        #expect(error?.remedy?.contains(remedy) ?? false || remedy.isEmpty, "\(error as Any)")
        #expect(error?.description.contains("\n") == false, "\(error as Any)")
    }

    @Test("reads buslane.yaml first, then conf.d in name order, and names the file that is wrong")
    func folder() throws {
        let folder = TemporaryFolder()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
        }
        let configuration = Configuration(directory: folder.path)
        #expect(try configuration.load() == DesiredState())
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
        #expect(error?.file == folder.path + "/conf.d/30-c.yaml")
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@testable import ConfigurationFiles

@Suite("Configurations of any size")
struct SizeLimitTests {
    private func errors(of text: String) -> [ConfigurationError] {
        var reader = ConfigurationReader()
        reader.read(text, file: "a.yaml")
        return reader.errors
    }

    private func pools(_ count: Int) -> String {
        "pools:\n" + (0..<count).map { "  - {name: p\($0), exclusive: true, select: {numaNodes: [0]}}\n" }.joined()
    }

    @Test("as many pools and PFs as one file may have, and one more")
    func entries() throws {
        let most = ConfigurationReader.mostEntries
        #expect(try DesiredState(yaml: pools(most), file: "a.yaml").pools.count == most)
        #expect(errors(of: pools(most + 1)).map(\.problem) == ["the list has 257 entries, and at most 256 are read"])
        let pfs =
            "physicalFunctions:\n"
            + (0...most).map { "  - {vfCount: 1, select: {pfNames: [e\($0)]}}\n" }.joined()
        #expect(errors(of: pfs).map(\.problem) == ["the list has 257 entries, and at most 256 are read"])
    }

    @Test("a document of very many values is not read", arguments: [20_000, 200_000])
    func values(count: Int) {
        #expect(errors(of: pools(count)).map(\.problem) == ["more than 50000 values"])
        #expect(errors(of: "pools: [" + String(repeating: "{},", count: count * 3) + "]").count == 1)
    }

    @Test("an alias counts as what it stands for")
    func aliases() {
        var text = "a: &x0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
        for level in 1...8 {
            text +=
                "b\(level): &x\(level) [" + Array(repeating: "*x\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(errors(of: text).map(\.problem) == ["more than 50000 values"])
    }

    @Test("of very many errors the first are listed, and the others counted")
    func manyErrors() {
        let found = errors(
            of: "pools: [" + String(repeating: "{name: a, select: {numaNodes: [0]}}, ", count: 251) + "]")
        #expect(found.count == Complaints.most + 1)
        #expect(found.last?.problem == "has 150 more errors")
        #expect(found.last?.remedy != nil)
    }

    @Test("ranges of VFs that meet are found among thousands")
    func ranges() throws {
        func declared(_ ranges: [String]) -> [ConfigurationError] {
            errors(
                of: "physicalFunctions:\n- select: {pfNames: [a]}\n  vfCount: 65535\n  vfs:\n"
                    + ranges.map { "  - {range: '\($0)'}\n" }.joined())
        }
        let even = (0..<4000).map { String($0 * 2) }
        #expect(declared(even.reversed()).isEmpty)
        #expect(declared(even + ["1,3,7001"]).isEmpty)
        #expect(
            declared(even + ["9,4001-4003,7000"]).map(\.problem) == ["VF 4002 is declared already, at a.yaml:2006:5"])
        #expect(declared(["5-9", "0-6"]).map(\.problem) == ["VF 5 is declared already, at a.yaml:5:5"])
    }
}

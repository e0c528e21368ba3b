// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@testable import ConfigurationFiles

@Suite("YAML, as libyaml reads it")
struct YAMLTests {
    private func node(_ text: String) throws -> YAMLNode { try #require(try YAMLNode.document(in: text)) }

    @Test(
        "plain scalars are numbers as in YAML 1.1",
        arguments: [
            ("0", 0), ("8", 8), ("-8", -8), ("+8", 8), ("1_000", 1000), ("0x1f", 31), ("0b101", 5), ("0o17", 15),
        ])
    func numbers(text: String, value: Int) throws { #expect(try node(text).int == value) }

    @Test(
        "what looks like a number and is none",
        arguments: [
            "08", "017", "0100", "-010", "+010", "0_10", "00", "--5", "0x-5", "1:30", "'8'", "!!str 8", "1e3", "_",
        ])
    func noNumbers(text: String) throws { #expect(try node(text).int == nil) }

    @Test("booleans and null are plain scalars; in quotes they are strings")
    func words() throws {
        #expect(try ["true", "Yes", "ON"].allSatisfy { try node($0).bool == true })
        #expect(try ["false", "No", "OFF"].allSatisfy { try node($0).bool == false })
        #expect(try node("'true'").bool == nil && node("'true'").string == "true")
        #expect(try ["~", "null", "--- "].allSatisfy { try node($0).isNull })
        #expect(try !node("'null'").isNull)
    }

    @Test("an alias stands for the node of its anchor")
    func aliases() throws {
        let root = try node("a: &x [1, 2]\nb: *x\n")
        #expect(root.mapping?.last?.value.sequence?.map(\.int) == [1, 2])
    }

    @Test(
        "an error has its place",
        arguments: [
            ("a: *x\n", "1:4", "no anchor 'x'"), ("a: 1\n---\nb: 1\n", "2:1", "second document"),
            ("a: 1\nb: é\u{1}\n", "2:5", "control characters"),
            (String(repeating: "[", count: 100), "1:65", "nested more than 64 deep"),
            ("a: 1\nb: 2\na: 3\n", "1:1", "'a' is given twice"),
        ])
    func errors(text: String, place: String, problem: String) {
        let error = #expect(throws: ConfigurationError.self) { try DesiredState(yaml: text, file: "f") }
        #expect(error?.place.description == "f:\(place)")
        #expect(error?.problem.contains(problem) == true, "\(error as Any)")
    }

    @Test("lines that share anchors many times over are read in no time, and refused")
    func laughs() {
        let levels = (1...30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        #expect(throws: ConfigurationError.self) { try DesiredState(yaml: "a0: &a0 x\n" + levels, file: "f") }
    }
}

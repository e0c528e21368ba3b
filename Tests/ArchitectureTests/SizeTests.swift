// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import TestPrograms
import Testing

/// What `tools/figures` measures.
private struct Figures: Decodable {
    let files: Int
    let functions: Int
    let medianFunction: Double
    let filesInDaemonRoot: Int
    /// Over all files, extensions included.
    let typesOver400: [Entry]
    /// The longest first.
    let longestFunctions: [Entry]

    /// `["Sources/buslaned/Daemon.swift:57", 65]`, `["Ledger", 372]`.
    struct Entry: Decodable, CustomStringConvertible {
        let name: String
        let lines: Int

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            name = try container.decode(String.self)
            lines = try container.decode(Int.self)
        }

        var description: String { "\(name) has \(lines) lines" }
    }

    /// Runs the script.
    static func measured() throws -> Figures {
        let script = Repository.root.appending(path: "tools/figures").path
        let (_, text) = try TestProgram.run(["/usr/bin/python3", script, "--json"])
        return try JSONDecoder().decode(Figures.self, from: Data(text.utf8))
    }
}

@Suite("The sizes of its parts")
struct SizeTests {
    private let figures: Figures

    init() throws {
        figures = try Figures.measured()
        try #require(figures.files > 50 && figures.functions > 500, "the sources were not read")
    }

    @Test("functions are short: half of them within 8 lines, none over 100")
    func functions() {
        #expect(figures.medianFunction <= 8)
        for function in figures.longestFunctions { #expect(function.lines <= 100, "\(function)") }
    }

    @Test("no type has more than 400 lines, its extensions included")
    func types() { #expect(figures.typesOver400.isEmpty) }

    @Test("the daemon's folder has two files of its own: Daemon.swift and Wiring.swift")
    func daemonRoot() { #expect(figures.filesInDaemonRoot == 2) }
}

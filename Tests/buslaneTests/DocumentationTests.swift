// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import Foundation
import Testing

@testable import buslane

/// The documents of the repository's root and of docs/.
private struct Document: CustomStringConvertible {
    let url: URL
    let lines: [String]

    var description: String { url.lastPathComponent }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init(_ url: URL) throws {
        self.url = url
        lines = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n")
    }

    static func all() throws -> [Document] {
        try [root, root.appending(path: "docs")].flatMap { folder in
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.pathExtension == "md" }.map(Document.init)
        }
    }

    /// The anchors of its headings: lower case, no punctuation, hyphens for spaces. Source: GitHub's rule.
    var anchors: Set<String> {
        Set(
            lines.filter { $0.hasPrefix("#") }.map { line in
                line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                    .filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                    .replacing(" ", with: "-")
            })
    }

    /// What its links point to, without those to other hosts.
    var links: [String] {
        lines.flatMap { line in line.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) } }
            .filter { !$0.contains("://") }
    }

    /// The words after each `buslane` that begins a command, up to its end or to the remark behind it.
    var commands: [[Substring]] {
        lines.flatMap { line in
            line.matches(of: /(?:^ *|[`(|;] ?|\$ |sudo )buslane ([^`|;&#)\]]+)/).map { match in
                (match.1.split(separator: "  ").first ?? "").split(separator: " ")
            }
        }
    }
}

@Suite("The documents")
struct DocumentationTests {
    private let documents: [Document]

    init() throws {
        documents = try Document.all()
        try #require(documents.count >= 8)
    }

    @Test("every link leads to a file, and to a heading of it")
    func links() throws {
        var seen = 0
        for document in documents {
            for link in document.links {
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let target =
                    parts[0].isEmpty
                    ? document.url : document.url.deletingLastPathComponent().appending(path: String(parts[0]))
                #expect(FileManager.default.fileExists(atPath: target.path), "\(document): \(link)")
                if parts.count == 2, target.pathExtension == "md" {
                    #expect(try Document(target).anchors.contains(String(parts[1])), "\(document): \(link)")
                }
                seen += 1
            }
        }
        #expect(seen > 50)
    }

    @Test("every command that a document shows exists, with its options")
    func commands() {
        var seen = 0
        for document in documents {
            for words in document.commands where words.first?.wholeMatch(of: /[a-z-]+/) != nil {
                let text = words.joined(separator: " ")
                var command: any ParsableCommand.Type = Control.self
                var rest = words[...]
                while let word = rest.first, let next = command.subcommand(named: word) {
                    command = next
                    rest.removeFirst()
                }
                #expect(command != Control.self || words.first?.hasPrefix("-") == true, "\(document): \(text)")
                let help = Control.helpMessage(for: command, columns: 400)
                for option in rest.compactMap({ $0.firstMatch(of: /^\[?(--[a-z][a-z-]*)/)?.1 }) {
                    #expect(help.contains(option), "\(document): \(text)")
                }
                seen += 1
            }
        }
        #expect(seen > 80)
    }

    @Test("the guide shows every command")
    func guideIsComplete() throws {
        let guide = try #require(documents.first { $0.url.lastPathComponent == "guide.md" })
        let text = guide.lines.joined(separator: "\n")
        func check(_ command: any ParsableCommand.Type, _ path: String) {
            let subcommands = command.configuration.subcommands
            if subcommands.isEmpty { #expect(text.contains("buslane\(path)"), "buslane\(path)") }
            for next in subcommands { check(next, "\(path) \(next.configuration.commandName ?? "")") }
        }
        check(Control.self, "")
    }

    @Test("every source file that ARCHITECTURE.md names is there")
    func sourceFiles() throws {
        let files = try FileManager.default.subpathsOfDirectory(atPath: Document.root.appending(path: "Sources").path)
        let architecture = try #require(documents.first { $0.url.lastPathComponent == "ARCHITECTURE.md" })
        let names = architecture.lines.flatMap { line in
            line.matches(of: #/`([\w/+-]+\.swift)`/#).map { String($0.1) }
        }
        #expect(names.count > 20)
        for name in names {
            #expect(files.contains { $0 == name || $0.hasSuffix("/" + name) }, "\(name)")
        }
    }

    /// YAML takes an unquoted colon with a space behind it for a key.
    @Test("no text of openapi.yaml needs quotes that it has not")
    func quotes() throws {
        let description = try Document(Document.root.appending(path: "docs/openapi.yaml"))
        for line in description.lines {
            guard let text = line.wholeMatch(of: /\s*(?:summary|description): ([^"'|].*)/)?.1 else { continue }
            #expect(!text.contains(": "), "\(line)")
        }
    }
}

extension ParsableCommand {
    fileprivate static func subcommand(named word: Substring) -> (any ParsableCommand.Type)? {
        configuration.subcommands.first {
            $0.configuration.commandName == String(word) || $0.configuration.aliases.contains(String(word))
        }
    }
}

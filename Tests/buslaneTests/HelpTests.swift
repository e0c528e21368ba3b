// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import Testing

@testable import buslane

@Suite("Help texts")
struct HelpTests {
    /// The parser breaks lines for the terminal and keeps those breaks that are there: a long line with another one right
    /// after it would be broken twice.
    @Test("a paragraph is one line, or its lines fit any terminal")
    func paragraphs() {
        var seen = 0
        func check(_ command: any ParsableCommand.Type) {
            let lines = command.configuration.discussion.split(separator: "\n", omittingEmptySubsequences: false)
            for (line, next) in zip(lines, lines.dropFirst()) where line.count > 79 {
                #expect(next.isEmpty || next.hasPrefix(" "), "\(command): \(line)")
            }
            for line in lines where line.hasPrefix("  ") { #expect(line.count < 80, "\(command): \(line)") }
            seen += 1
            command.configuration.subcommands.forEach(check)
        }
        check(Control.self)
        #expect(seen > 25)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Logging
import PrintableText
import Synchronization
import Testing

@testable import buslaned

@Suite("Log lines that nobody can forge")
struct PrintableLogTests {
    private final class Paper: TextOutputStream, Sendable {
        private let written = Mutex("")
        var text: String { written.withLock(\.self) }

        func write(_ string: String) { written.withLock { $0 += string } }
    }

    private struct Broken: Error, CustomStringConvertible { let description: String }

    private func lines(_ write: (inout Logger) -> Void) -> [String] {
        let paper = Paper()
        var logger = Logger(label: "test") { PrintableLog(StreamLogHandler(label: $0, stream: paper)) }
        write(&logger)
        let text = paper.text
        #expect(text.hasSuffix("\n") && text.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" })
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    private static let forged =
        "fw1\n2026-01-01T00:00:00+0000 notice buslaned: uid=0 [buslaned] released\u{1b}[2J\u{202e}"

    @Test("an event is one line, wherever the text is")
    func oneLine() {
        let forged = Self.forged
        #expect(lines { $0.warning("\(forged)") }.count == 1)
        #expect(lines { $0.warning("m", metadata: ["domain": "\(forged)"]) }.count == 1)
        #expect(lines { $0.warning("m", metadata: ["\(forged)": "x"]) }.count == 1)
        #expect(lines { $0.warning("m", metadata: ["list": ["\(forged)", ["\(forged)": "\(forged)"]]]) }.count == 1)
        #expect(
            lines { $0.warning("m", metadata: ["why": .stringConvertible(Broken(description: forged))]) }.count == 1)
        #expect(lines { $0.warning("m", error: Broken(description: forged)) }.count == 1)
        let kept = lines { logger in
            logger[metadataKey: "domain"] = "\(forged)"
            logger.warning("m")
        }
        #expect(kept.count == 1 && kept[0].contains("fw1 2026"))
    }

    @Test(
        "a value stays one value",
        arguments: [
            ("fw1", "domain=fw1 [buslanedTests] m"), ("0000:3b:00.0", "domain=0000:3b:00.0 [buslanedTests] m"),
            ("a uid=0", #"domain="a uid=0" [buslanedTests] m"#),
            (#"a" uid=0 ""#, #"domain="a\" uid=0 \"" [buslanedTests] m"#), ("", #"domain="" [buslanedTests] m"#),
            ("uid=0", #"domain="uid=0" [buslanedTests] m"#), (#"a\" b"#, #"domain="a\\\" b" [buslanedTests] m"#),
            ("x\tuid=0", #"domain="x uid=0" [buslanedTests] m"#),
        ])
    func quoted(value: String, end: String) {
        let line = lines { $0.warning("m", metadata: ["domain": "\(value)"]) }
        #expect(line.count == 1 && line[0].hasSuffix(end), "\(line)")
    }

    @Test("a name of megabytes is a short line")
    func short() {
        let name = String(repeating: "x", count: 7 << 20)
        #expect(lines { $0.warning("m", metadata: ["domain": "\(name)"]) }[0].utf8.count < 1200)
    }
}

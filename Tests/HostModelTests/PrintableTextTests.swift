// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import PrintableText
import Testing

@Suite("What may be printed")
struct PrintableTextTests {
    private static let everyScalar = (UInt32(0)...0x10ffff).compactMap(Unicode.Scalar.init)

    @Test("no control character, no separator and nothing that turns the direction of text")
    func rule() {
        for scalar in Self.everyScalar where scalar.isPrintable {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate: Issue.record("\(scalar.value)")
            default: break
            }
            #expect(!scalar.properties.isBidiControl && !scalar.properties.isJoinControl)
        }
    }

    @Test("letters of all scripts, digits, signs and spaces")
    func letters() {
        for scalar in Self.everyScalar where !scalar.isPrintable {
            #expect(!scalar.properties.isAlphabetic && scalar.properties.numericType == nil)
        }
        #expect("Käse, 日本, עברית, العربية, 🚌 100 %".isPrintable)
        #expect("a name".printable == "a name" && "Käse".printable == "Käse")
    }

    @Test("what breaks a line is a space, everything else a replacement character: never more than one line")
    func replacement() {
        #expect("a\tb\r\nc\u{85}d\u{2028}e\u{2029}f".printable == "a b  c d e f")
        #expect(
            "\u{1b}[2Jx\u{9b}31m\u{202e}y\u{0}\u{7f}".printable == "\u{fffd}[2Jx\u{fffd}31m\u{fffd}y\u{fffd}\u{fffd}")
        for scalar in Self.everyScalar where !scalar.isPrintable {
            #expect("a\(scalar)b".printable.isPrintable && !"a\(scalar)b".isPrintable)
        }
    }

    @Test("a text is cut by scalars: one letter can have any number of marks")
    func cutting() {
        #expect("abc".cut(to: 3) == "abc" && "abcd".cut(to: 3) == "ab…" && "".cut(to: 3).isEmpty)
        let tower = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(tower.count == 1)
        #expect(tower.cut(to: 200).unicodeScalars.count == 200)
        #expect(tower.shortened.utf8.count < 200)
    }

    @Test("an error is one printable line, and not as long as a client wants")
    func errors() {
        let name = "a\nerror: \u{1b}[31m\u{202e}" + String(repeating: "x", count: 1 << 20)
        let report = ErrorReport(.conflict, "code", name, "'\(name)' is not free", remedy: "rename '\(name)'")
        for text in [report.subject, report.message, report.remedy ?? ""] {
            #expect(text.isPrintable && text.utf8.count < 5000 && text.contains("a error: \u{fffd}[31m\u{fffd}xxx"))
        }
        let ordinary = ErrorReport(.conflict, "code", "Käse", "ok", remedy: nil)
        #expect(ordinary.subject == "Käse" && ordinary.message == "ok" && ordinary.remedy == nil)
    }

    @Test(
        "no request names an owner that cannot be printed; one that the ledger has from before is read",
        arguments: ["a\u{202e}b", "a\u{9b}31m", "a\u{2028}b", "a\u{200b}b", "a\u{85}b"])
    func owners(name: String) {
        #expect(throws: MalformedValue.self) { try OwnerName(name) }
        #expect(throws: MalformedValue.self) { try OwnerName("domain:" + name) }
        #expect((try? Owner(name)) != nil)
    }
}

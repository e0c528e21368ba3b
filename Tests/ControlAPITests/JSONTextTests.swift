// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import PrintableText
import Testing

@testable import ControlAPI

@Suite("Writing JSON")
struct JSONTextTests {
    private struct Everything: Codable, Equatable {
        struct Empty: Codable, Equatable {}
        enum Word: String, Codable { case one }

        var text = "a\"b\\c\n\t\u{1}\u{1f}\u{7f} é 日本 🚌 \u{2028}"
        var empty = ""
        var yes = true
        var smallest = Int.min
        var largest = UInt64.max
        var zero = 0
        var speed = 2.5
        var whole = 16.0
        var tiny = 1e-300
        var none: Int?
        @ExplicitNull var null: Int?
        @ExplicitNull var some: String? = "x"
        var list = [[1, 2], [], [3]]
        var words: [Word] = [.one]
        var nothing = Empty()
        var optionals: [Int?] = [1, nil]
        var table = ["key": 1]
    }

    @Test("says what Foundation's encoder says", arguments: [true, false])
    func sameAsFoundation(pretty: Bool) throws {
        let value = [Everything(), Everything()]
        let ours = try JSON.encode(value, pretty: pretty)
        #expect(try JSONDecoder().decode([Everything].self, from: Data(ours)) == value)
        let foundation = try JSONEncoder().encode(value)
        let (left, right) = (
            try JSONSerialization.jsonObject(with: Data(ours)) as? NSArray,
            try JSONSerialization.jsonObject(with: foundation) as? NSArray
        )
        #expect(left != nil)
        #expect(left == right)
    }

    @Test("text is harmless on a terminal, and means what it meant", arguments: [true, false])
    func harmless(pretty: Bool) throws {
        let texts = (UInt32(0)...0xffff).compactMap(Unicode.Scalar.init).map { "a\($0)b" }
        let bytes = try JSON.encode(["k\u{1b}\u{202e}": texts], pretty: pretty)
        #expect(try JSONDecoder().decode([String: [String]].self, from: Data(bytes)) == ["k\u{1b}\u{202e}": texts])
        let written = String(decoding: bytes, as: UTF8.self)
        #expect(written.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" })
        #expect(written.contains("aéb") && written.contains("a日b") && written.contains(#"a\u202eb"#))
    }

    @Test("entries of the outer containers have a line each, what lies deeper none")
    func layout() throws {
        struct Document: Encodable {
            struct Entry: Encodable {
                var name: String
                var places: [Int]
            }
            var version = 1
            var entries = [Entry(name: "a", places: [1, 2]), Entry(name: "b", places: [])]
            var rest: [Int] = []
        }
        #expect(
            String(decoding: try JSON.encode(Document()), as: UTF8.self) == """
                {
                  "version": 1,
                  "entries": [
                    {"name": "a", "places": [1, 2]},
                    {"name": "b", "places": []}
                  ],
                  "rest": []
                }
                """)
        #expect(
            String(decoding: try JSON.encode(Document(), pretty: false), as: UTF8.self)
                == #"{"version":1,"entries":[{"name":"a","places":[1,2]},{"name":"b","places":[]}],"rest":[]}"#)
    }

    @Test("a container that is asked for by hand is closed where it ends")
    func byHand() throws {
        struct Manual: Encodable {
            enum Key: CodingKey { case inner, list, after }

            func encode(to encoder: any Encoder) throws {
                var outer = encoder.container(keyedBy: Key.self)
                var inner = outer.nestedContainer(keyedBy: Key.self, forKey: .inner)
                try inner.encode(1, forKey: .after)
                var list = outer.nestedUnkeyedContainer(forKey: .list)
                try list.encode("x")
                var deeper = list.nestedUnkeyedContainer()
                try deeper.encodeNil()
                try outer.encode(2, forKey: .after)
            }
        }
        #expect(
            String(decoding: try JSON.encode(Manual(), pretty: false), as: UTF8.self)
                == #"{"inner":{"after":1},"list":["x",[null]],"after":2}"#)
    }

    @Test("what JSON cannot say is an error", arguments: [Double.infinity, -.infinity, .nan])
    func notANumber(value: Double) {
        #expect(throws: EncodingError.self) { try JSON.encode([value]) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// JSON as it is being written: bytes, and the containers that are still open.
///
/// Entries of the outer containers stand on a line each, so that a diff of two inventories shows the functions that
/// differ; deeper entries stay on one line.
package struct JSONText {
    private(set) var bytes: [UInt8] = []
    /// An open container: whether it is a list, and whether anything is in it yet.
    private var open: [(isList: Bool, isEmpty: Bool)] = []
    /// How deep a container may lie for its entries to have lines of their own.
    private let brokenDepth: Int

    init(pretty: Bool) { brokenDepth = pretty ? 2 : 0 }

    /// The inside of a list within other containers that are written elsewhere.
    init(pretty: Bool, depth: Int, isContinued: Bool) {
        self.init(pretty: pretty)
        open = Array(repeating: (isList: true, isEmpty: !isContinued), count: depth)
    }

    /// - Parameter pretty: with the entries of outer containers on a line each.
    package static func encode(_ value: some Encodable, pretty: Bool) throws -> [UInt8] {
        let sink = JSONSink(JSONText(pretty: pretty))
        try JSONTextEncoder(sink: sink).write(value)
        return sink.text.bytes
    }

    /// How many containers are open.
    var depth: Int { open.count }

    /// Opens a list or an object; its depth.
    mutating func begin(list isList: Bool) -> Int {
        bytes.append(isList ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        open.append((isList, true))
        return open.count
    }

    /// Closes the containers that are open below a depth.
    mutating func end(to depth: Int) {
        while open.count > depth {
            let container = open.removeLast()
            if !container.isEmpty, open.count < brokenDepth { breakLine() }
            bytes.append(container.isList ? UInt8(ascii: "]") : UInt8(ascii: "}"))
        }
    }

    /// Makes room for the next entry of the container at a depth.
    mutating func entry(at depth: Int) {
        end(to: depth)
        let isFirst = open[depth - 1].isEmpty
        open[depth - 1].isEmpty = false
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        if depth <= brokenDepth {
            breakLine()
        } else if !isFirst, brokenDepth > 0 {
            bytes.append(UInt8(ascii: " "))
        }
    }

    mutating func key(_ key: String, at depth: Int) {
        entry(at: depth)
        write(key)
        separate()
    }

    /// The same for a name without escapes.
    mutating func key(_ name: StaticString, at depth: Int) {
        entry(at: depth)
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        separate()
    }

    private mutating func separate() {
        bytes.append(UInt8(ascii: ":"))
        if brokenDepth > 0 { bytes.append(UInt8(ascii: " ")) }
    }

    private mutating func breakLine() {
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<2 * open.count { bytes.append(UInt8(ascii: " ")) }
    }

    // MARK: Values

    mutating func writeNull() { bytes.append(contentsOf: "null".utf8) }

    mutating func write(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

    mutating func write(_ value: some FixedWidthInteger) {
        var rest = value.magnitude
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest != 0
        bytes[start...].reverse()
    }

    /// Infinity and not-a-number have no form in JSON.
    mutating func write(_ value: Double, at path: [any CodingKey]) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "not a finite number"))
        }
        bytes.append(contentsOf: value.description.utf8)
    }

    package mutating func write(_ value: String) {
        var value = value
        bytes.append(UInt8(ascii: "\""))
        value.withUTF8 { text in
            // Bytes without escapes, nearly all of them, are copied in runs.
            var start = 0
            for position in 0..<text.count where Self.needsEscape(text[position]) {
                bytes.append(contentsOf: text[start..<position])
                bytes.append(contentsOf: Self.escape(text[position]).utf8)
                start = position + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func escape(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case UInt8(ascii: "\n"): "\\n"
        case UInt8(ascii: "\t"): "\\t"
        default: (byte < 0x10 ? "\\u000" : "\\u001") + String(byte & 0xf, radix: 16)
        }
    }
}

/// The text that the containers of one encoding share.
final class JSONSink {
    var text: JSONText

    init(_ text: JSONText) { self.text = text }
}

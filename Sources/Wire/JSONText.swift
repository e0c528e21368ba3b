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

    /// - Parameter pretty: with the entries of outer containers on a line each.
    package static func encode(_ value: some Encodable, pretty: Bool) throws -> [UInt8] {
        let sink = JSONSink(pretty: pretty)
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

    mutating func write(_ value: String) {
        var value = value
        bytes.append(UInt8(ascii: "\""))
        value.withUTF8 { text in
            // Bytes without escapes, nearly all of them, are copied in runs.
            var start = 0
            for position in 0..<text.count {
                guard let escape = Self.escape(text[position]) else { continue }
                bytes.append(contentsOf: text[start..<position])
                bytes.append(contentsOf: escape.utf8)
                start = position + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// nil for a byte that stands for itself.
    private static func escape(_ byte: UInt8) -> String? {
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return "\\\""
        case UInt8(ascii: "\\"): return "\\\\"
        case UInt8(ascii: "\n"): return "\\n"
        case UInt8(ascii: "\t"): return "\\t"
        default: return (byte < 0x10 ? "\\u000" : "\\u001") + String(byte & 0xf, radix: 16)
        }
    }
}

/// The text that the containers of one encoding share.
final class JSONSink {
    var text: JSONText

    init(pretty: Bool) { text = JSONText(pretty: pretty) }
}

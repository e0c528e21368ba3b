// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// JSON as it is being written: bytes, and the containers that are still open.
///
/// Entries of the outer containers stand on a line each, so that a diff of two inventories shows the functions that
/// differ; deeper entries stay on one line.
package struct JSONText {
    package private(set) var bytes: [UInt8] = []
    /// How many containers are open.
    private(set) var depth = 0
    /// A bit for each open container, the lowest for the outermost: whether it is a list.
    private var lists: UInt64 = 0
    /// The same: whether anything is in it yet.
    private var filled: UInt64 = 0
    /// How deep a container may lie for its entries to have lines of their own.
    private let brokenDepth: Int

    init(pretty: Bool) { brokenDepth = pretty ? 2 : 0 }

    /// The inside of a list, for a document that is made in slices.
    ///
    /// - Parameters:
    ///   - depth: how many containers are open around an entry, the list included.
    ///   - isContinued: whether other entries of the list come before.
    package init(insideListAt depth: Int, isContinued: Bool) {
        self.init(pretty: true)
        self.depth = depth
        lists = Self.bit(depth) - 1
        filled = isContinued ? lists : 0
    }

    /// - Parameter pretty: with the entries of outer containers on a line each.
    package static func encode(_ value: some Encodable, pretty: Bool) throws -> [UInt8] {
        let sink = JSONSink(JSONText(pretty: pretty))
        try JSONTextEncoder(sink: sink).write(value)
        return sink.text.bytes
    }

    /// Opens a list or an object; its depth.
    mutating func begin(list isList: Bool) -> Int {
        bytes.append(isList ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        let bit = Self.bit(depth)
        lists = isList ? lists | bit : lists & ~bit
        filled &= ~bit
        depth += 1
        return depth
    }

    private static func bit(_ depth: Int) -> UInt64 {
        precondition(depth < UInt64.bitWidth, "no document is that deep")
        return 1 &<< UInt64(depth)
    }

    /// Closes the containers that are open below a depth.
    mutating func end(to depth: Int) {
        while self.depth > depth {
            self.depth -= 1
            let bit = Self.bit(self.depth)
            if filled & bit != 0, self.depth < brokenDepth { breakLine() }
            bytes.append(lists & bit != 0 ? UInt8(ascii: "]") : UInt8(ascii: "}"))
        }
    }

    /// Makes room for the next entry of the container at a depth.
    package mutating func entry(at depth: Int) {
        end(to: depth)
        let bit = Self.bit(depth - 1)
        let isFirst = filled & bit == 0
        filled |= bit
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

    /// The same for a name without escapes, in the innermost container.
    package mutating func key(_ name: StaticString) {
        entry(at: depth)
        let isSpaced = brokenDepth > 0
        name.withUTF8Buffer { name in
            bytes.append(addingCapacity: name.count + 4) { text in
                text.append(UInt8(ascii: "\""))
                for byte in name { text.append(byte) }
                text.append(UInt8(ascii: "\""))
                text.append(UInt8(ascii: ":"))
                if isSpaced { text.append(UInt8(ascii: " ")) }
            }
        }
    }

    private mutating func breakLine() {
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<2 * depth { bytes.append(UInt8(ascii: " ")) }
    }

    // MARK: Values

    package mutating func writeNull() { put("null") }

    mutating func write(_ value: Bool) { put(value ? "true" : "false") }

    private mutating func put(_ word: StaticString) { word.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    mutating func write(_ value: some FixedWidthInteger) {
        // The most digits that 64 bits have.
        var digits = [20 of UInt8](repeating: 0)
        var start = 20
        var rest = UInt64(value.magnitude)
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest != 0
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        for position in start..<20 { bytes.append(digits[position]) }
    }

    /// Infinity and not-a-number have no form in JSON.
    mutating func write(_ value: Double, at path: [any CodingKey]) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "not a finite number"))
        }
        bytes.append(contentsOf: value.description.utf8)
    }

    /// A character that is not printable is escaped: the text is harmless on a terminal.
    package mutating func write(_ value: String) {
        var value = value
        let isWritten = value.withUTF8 { value in
            if value.contains(where: Self.mayNeedEscape) { return false }
            bytes.append(addingCapacity: value.count + 2) { text in
                text.append(UInt8(ascii: "\""))
                for byte in value { text.append(byte) }
                text.append(UInt8(ascii: "\""))
            }
            return true
        }
        if !isWritten { writeEscaped(value) }
    }

    private mutating func writeEscaped(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": bytes += [UInt8(ascii: "\\"), UInt8(truncatingIfNeeded: scalar.value)]
            case "\u{20}"..<"\u{7f}": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\n": bytes.append(contentsOf: "\\n".utf8)
            case "\t": bytes.append(contentsOf: "\\t".utf8)
            default: bytes.append(contentsOf: scalar.isPrintable ? String(scalar).utf8 : Self.escape(scalar).utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether a text with this byte has to be looked at by its characters.
    private static func mayNeedEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte >= 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// `\u202e`. No character that is not printable needs more digits.
    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }
}

/// The text that the containers of one encoding share.
final class JSONSink {
    var text: JSONText

    init(_ text: JSONText) { self.text = text }
}

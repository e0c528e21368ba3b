// SPDX-License-Identifier: GPL-3.0-or-later

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

    package mutating func write(_ value: String) {
        var value = value
        value.withUTF8 { value in
            if value.contains(where: Self.needsEscape) { return writeEscaped(value) }
            bytes.append(addingCapacity: value.count + 2) { text in
                text.append(UInt8(ascii: "\""))
                for byte in value { text.append(byte) }
                text.append(UInt8(ascii: "\""))
            }
        }
    }

    private mutating func writeEscaped(_ value: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value {
            if Self.needsEscape(byte) { bytes.append(contentsOf: Self.escape(byte).utf8) } else { bytes.append(byte) }
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

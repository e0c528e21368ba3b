// SPDX-License-Identifier: GPL-3.0-or-later

/// JSON as it is being written: bytes, and the containers that are still open.
///
/// Entries of the outer containers stand on a line each, so that a diff of two inventories shows the functions that
/// differ; what lies deeper stays on its line.
final class JSONText {
    private(set) var bytes: [UInt8] = []
    /// An open container: whether it is a list, and whether anything is in it yet.
    private var open: [(isList: Bool, isEmpty: Bool)] = []
    /// How deep a container may lie for its entries to have lines of their own.
    private let brokenDepth: Int

    init(pretty: Bool) { brokenDepth = pretty ? 2 : 0 }

    /// How many containers are open.
    var depth: Int { open.count }

    /// Opens a list or an object; its depth.
    func begin(list isList: Bool) -> Int {
        bytes.append(isList ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        open.append((isList, true))
        return open.count
    }

    /// Closes whatever is open below a depth.
    func end(to depth: Int) {
        while open.count > depth {
            let container = open.removeLast()
            if !container.isEmpty, open.count < brokenDepth { breakLine() }
            bytes.append(container.isList ? UInt8(ascii: "]") : UInt8(ascii: "}"))
        }
    }

    /// Makes room for the next entry of the container at a depth.
    func entry(at depth: Int) {
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

    func key(_ key: String, at depth: Int) {
        entry(at: depth)
        write(key)
        bytes.append(UInt8(ascii: ":"))
        if brokenDepth > 0 { bytes.append(UInt8(ascii: " ")) }
    }

    private func breakLine() {
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<open.count { bytes.append(contentsOf: [0x20, 0x20]) }
    }

    // MARK: Values

    func writeNull() { bytes.append(contentsOf: "null".utf8) }

    func write(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

    func write(_ value: some FixedWidthInteger) {
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
    func write(_ value: Double, at path: [any CodingKey]) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "not a finite number"))
        }
        bytes.append(contentsOf: value.description.utf8)
    }

    func write(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                bytes.append(contentsOf: String(byte & 0xf, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

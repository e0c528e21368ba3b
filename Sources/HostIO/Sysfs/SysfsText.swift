// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Parses numbers and names in the form in which the kernel writes them.
enum SysfsText {
    /// `0x8086`, or `154c` where the kernel leaves the prefix out.
    static func hex<Value: FixedWidthInteger>(_ bytes: Span<UInt8>) -> Value? {
        let hasPrefix = bytes.count > 2 && bytes[0] == UInt8(ascii: "0") && bytes[1] | 0x20 == UInt8(ascii: "x")
        return number(bytes.extracting((hasPrefix ? 2 : 0)...), radix: 16)
    }

    /// A decimal number that is not negative.
    static func count(_ bytes: Span<UInt8>) -> Int? { number(bytes, radix: 10) }

    /// A decimal number that is not above a limit.
    static func count(_ bytes: Span<UInt8>, upTo limit: Int) -> Int? { count(bytes).flatMap { $0 <= limit ? $0 : nil } }

    static func count(_ text: some StringProtocol) -> Int? { Int(text).flatMap { $0 >= 0 ? $0 : nil } }

    /// A NUMA node: a decimal number, or `-1` for an unknown node.
    static func node(_ bytes: Span<UInt8>) -> Int? {
        guard bytes.count > 1, bytes[0] == UInt8(ascii: "-") else { return count(bytes) }
        return count(bytes.extracting(1...)).map { -$0 }
    }

    /// A module's parameter that is on or off, `Y` or `N`. Source: `param_get_bool`, kernel/params.c.
    static func parameter(_ text: String) -> Bool? {
        switch text {
        case "Y", "1": true
        case "N", "0": false
        default: nil
        }
    }

    /// `0` or `1`.
    static func flag(_ bytes: Span<UInt8>) -> Bool? {
        guard bytes.count == 1 else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "0"): return false
        case UInt8(ascii: "1"): return true
        default: return nil
        }
    }

    /// The last name of a path; nil when it is not UTF-8. Slashes at the end do not count: a captured link can have them.
    static func lastName(onPath path: Span<UInt8>) -> String? { String(text: path.extracting(lastRange(path))) }

    /// The last name of a path, as a number.
    static func lastCount(onPath path: Span<UInt8>) -> Int? { count(path.extracting(lastRange(path))) }

    private static func lastRange(_ path: Span<UInt8>) -> Range<Int> {
        var end = path.count
        while end > 0, path[end - 1] == UInt8(ascii: "/") { end -= 1 }
        var start = end
        while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return start..<end
    }

    /// The last PCI address in a device path: the device itself, or the function that it belongs to.
    ///
    /// - Parameter skipped: how many names at the end to ignore.
    static func lastFunction(onPath path: Span<UInt8>, skipping skipped: Int = 0) -> PCIAddress? {
        var end = path.count
        var passed = 0
        while end > 0 {
            var start = end
            while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
            // The kernel names its folders with the full address; a shorter form is something else.
            if passed >= skipped, let address = PCIAddress(canonical: path.extracting(start..<end)) { return address }
            // Between two slashes, or after the last one, there is no name.
            if start < end { passed += 1 }
            end = start - 1
        }
        return nil
    }

    /// The functions that a device at this path cannot do without: the one that it belongs to, and one that has that
    /// function on a bus of its own, as Intel VMD has NVMe drives.
    static func functions(onPath path: String) -> [PCIAddress] {
        let names = path.split(separator: "/")
        var found: [PCIAddress] = []
        var nearest: PCIAddress?
        for (position, name) in names.enumerated() {
            guard let address = PCIAddress(canonical: Array(name.utf8).span) else { continue }
            nearest = address
            if position + 1 < names.count, names[position + 1].hasPrefix("pci") { found.append(address) }
        }
        if let nearest, found.last != nearest { found.append(nearest) }
        return found
    }

    private static func number<Value: FixedWidthInteger>(_ bytes: Span<UInt8>, radix: Value) -> Value? {
        guard bytes.count > 0 else { return nil }
        var value: Value = 0
        for position in 0..<bytes.count {
            guard let digit = HexDigit.value(bytes[position]), digit < radix else { return nil }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: radix)
            let (sum, isTooLargeNow) = product.addingReportingOverflow(Value(digit))
            guard !isTooLarge, !isTooLargeNow else { return nil }
            value = sum
        }
        return value
    }
}

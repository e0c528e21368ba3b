// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// How the kernel writes numbers and names, read from the bytes that it wrote.
enum SysfsText {
    /// `0x8086`, or `154c` where the kernel leaves the prefix out.
    static func hex<Value: FixedWidthInteger>(_ bytes: Span<UInt8>) -> Value? {
        let hasPrefix = bytes.count > 2 && bytes[0] == UInt8(ascii: "0") && bytes[1] | 0x20 == UInt8(ascii: "x")
        return number(bytes.extracting((hasPrefix ? 2 : 0)...), radix: 16)
    }

    /// A number that cannot be negative.
    static func count(_ bytes: Span<UInt8>) -> Int? { number(bytes, radix: 10) }

    static func count(_ text: some StringProtocol) -> Int? { Int(text).flatMap { $0 >= 0 ? $0 : nil } }

    /// `-1` too: that is how a node is not known.
    static func node(_ bytes: Span<UInt8>) -> Int? {
        guard bytes.count > 1, bytes[0] == UInt8(ascii: "-") else { return count(bytes) }
        return count(bytes.extracting(1...)).map { -$0 }
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

    /// The last name on a path; nil for what is not UTF-8.
    static func lastName(onPath path: Span<UInt8>) -> String? { String(text: path.extracting(lastStart(path)...)) }

    /// The number that is the last name on a path.
    static func lastCount(onPath path: Span<UInt8>) -> Int? { count(path.extracting(lastStart(path)...)) }

    private static func lastStart(_ path: Span<UInt8>) -> Int {
        var start = path.count
        while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return start
    }

    /// The last PCI function named on a device path: the function that a device is, or belongs to.
    ///
    /// - Parameter skipped: how many names to pass over, from the end.
    static func lastFunction(onPath path: Span<UInt8>, skipping skipped: Int = 0) -> PCIAddress? {
        var end = path.count
        var passed = 0
        while end > 0 {
            var start = end
            while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
            // Only in full, as the kernel names its folders; a shorter form would be something else.
            if passed >= skipped, let address = PCIAddress(canonical: path.extracting(start..<end)) { return address }
            passed += 1
            end = start - 1
        }
        return nil
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

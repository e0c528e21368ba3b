// SPDX-License-Identifier: GPL-3.0-or-later

/// A device's 64-bit serial number, the same for all its functions.
///
/// Source: the Device Serial Number capability, PCI Express Base Specification, 7.9.3.
public struct SerialNumber: Hashable, Sendable {
    /// As an EUI-64: the high octets identify the vendor.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads `a0-36-9f-ff-ff-12-34-56`, as lspci prints it.
    ///
    /// - Throws: ``MalformedValue``.
    public init(_ text: String) throws(MalformedValue) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let octets = parts.compactMap { part in
            part.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt64(part, radix: 16) : nil
        }
        guard octets.count == 8, parts.count == 8 else {
            throw MalformedValue(
                kind: "PCIe serial number", text: text,
                expected: "eight octets like a0-36-9f-ff-ff-12-34-56, as lspci -v prints them")
        }
        rawValue = octets.reduce(0) { $0 << 8 | $1 }
    }
}

extension SerialNumber: TextCodable {
    public var description: String {
        (0..<8).map { UInt8(truncatingIfNeeded: rawValue >> (56 - 8 * UInt64($0))).hex(2) }.joined(separator: "-")
    }
}

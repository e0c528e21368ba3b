// SPDX-License-Identifier: GPL-3.0-or-later

/// A 48-bit Ethernet address.
public struct MACAddress: Hashable, Sendable {
    /// The six octets in the low 48 bits; the first octet on the wire is the most significant.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

    /// Reads `52:54:00:11:22:33`.
    ///
    /// - Throws: ``MalformedValue``.
    public init(_ text: String) throws(MalformedValue) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var value: UInt64 = 0
        for part in parts {
            guard part.count == 2, part.allSatisfy(\.isHexDigit), let octet = UInt64(part, radix: 16) else {
                value = .max
                break
            }
            value = value << 8 | octet
        }
        guard parts.count == 6, value <= 0xffff_ffff_ffff else {
            throw MalformedValue(kind: "MAC address", text: text, expected: "six octets like 52:54:00:11:22:33")
        }
        rawValue = value
    }

    /// The octets in the order in which they are sent.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> (40 - 8 * UInt64($0))) } }

    /// Whether it is a group address (the low bit of the first octet). A VF can never have one.
    public var isMulticast: Bool { rawValue & 0x0100_0000_0000 != 0 }

    /// Whether all octets are zero: igb reports this for a VF that was given no address.
    public var isZero: Bool { rawValue == 0 }
}

extension MACAddress: TextCodable {
    public var description: String { octets.map { $0.hex(2) }.joined(separator: ":") }
}

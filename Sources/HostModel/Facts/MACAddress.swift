// SPDX-License-Identifier: GPL-3.0-or-later

/// A 48-bit Ethernet address.
public struct MACAddress: Hashable, Sendable {
    /// Six octets, the first on the wire first, in the low 48 bits.
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

    /// The octets, the first on the wire first.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> (40 - 8 * UInt64($0))) } }

    /// Names a group of stations (the low bit of the first octet): never an address a VF can have.
    public var isMulticast: Bool { rawValue & 0x0100_0000_0000 != 0 }

    /// All zero: what an igb PF reports for a VF that was given none.
    public var isZero: Bool { rawValue == 0 }
}

extension MACAddress: TextCodable {
    public var description: String { octets.map { $0.hex(2) }.joined(separator: ":") }
}

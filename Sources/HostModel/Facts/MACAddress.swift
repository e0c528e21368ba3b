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
        var value: UInt64 = 0
        var length = 0
        var isValid = true
        for byte in text.utf8 {
            if length % 3 == 2 {
                isValid = isValid && byte == UInt8(ascii: ":")
            } else if let digit = HexDigit.value(byte) {
                value = value << 4 | UInt64(digit)
            } else {
                isValid = false
            }
            length += 1
        }
        guard isValid, length == 17 else {
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
    public var description: String {
        var text = [17 of UInt8](repeating: UInt8(ascii: ":"))
        for octet in 0..<6 {
            let value = UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * octet))
            text[3 * octet] = HexDigit.character(value >> 4)
            text[3 * octet + 1] = HexDigit.character(value & 0xf)
        }
        // Digits are always valid UTF-8.
        return String(text: text.span) ?? ""
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// The name of a device in its owner's domain, as far as it is free: libvirt silently drops an alias with other
/// characters.
public struct DeviceName: Hashable, Sendable, TextCodable {
    public let description: String

    /// How many devices one request can have, and one domain of Buslane's. More than any guest has slots for.
    public static let most = 64

    public init(_ text: String) throws(MalformedValue) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, (1...40).contains(text.utf8.count) else {
            throw MalformedValue(kind: "device name", text: text, expected: "1 to 40 of A-Z, a-z, 0-9, _ and -")
        }
        description = text
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import Wire

/// Turns documents into bytes and back. Nothing else encodes or decodes JSON.
public enum JSON {
    /// - Parameter pretty: with the entries of outer containers on a line each.
    public static func encode(_ value: some Encodable, pretty: Bool = true) throws -> [UInt8] {
        try JSONText.encode(value, pretty: pretty)
    }

    /// A document as one line of a stream, with the line's end.
    public static func line(_ value: some Encodable) throws -> [UInt8] {
        try encode(value, pretty: false) + [UInt8(ascii: "\n")]
    }

    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }

    /// Seconds since 1970 as `2026-01-02T03:04:05Z`.
    public static func timestamp(_ secondsSince1970: Int) -> String {
        Date(timeIntervalSince1970: Double(secondsSince1970)).formatted(.iso8601)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel

extension JSON {
    /// A field that nobody reads is a field misspelt: what was meant by it would silently not be done.
    ///
    /// - Parameter type: its stored properties are the document's fields, as those of every request are.
    /// - Throws: what ``decode(_:from:)`` throws, and `MalformedValue` that names an unknown field, and those that there are.
    public static func decodeStrictly<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try decode(Strict<Value>.self, from: bytes).value
    }
}

/// A value, and the certainty that its document says no more.
private struct Strict<Value: Decodable>: Decodable {
    let value: Value

    init(from decoder: any Decoder) throws {
        value = try Value(from: decoder)
        try Self.refuseUnknownFields(in: decoder, of: Mirror(reflecting: value))
    }

    private static func refuseUnknownFields(in document: any Decoder, of value: Mirror) throws {
        switch value.displayStyle {
        case .optional:
            if let wrapped = value.children.first {
                try refuseUnknownFields(in: document, of: Mirror(reflecting: wrapped.value))
            }
        case .collection:
            guard var elements = try? document.unkeyedContainer() else { return }
            for child in value.children {
                try refuseUnknownFields(in: try elements.superDecoder(), of: Mirror(reflecting: child.value))
            }
        case .struct:
            // What is written as an object is one here as well; what is written as text has no fields.
            guard let fields = try? document.container(keyedBy: Field.self) else { return }
            let known = Dictionary(
                value.children.compactMap { child in child.label.map { ($0, child.value) } },
                uniquingKeysWith: { first, _ in first })
            for field in fields.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
                guard let property = known[field.stringValue] else {
                    throw MalformedValue(
                        kind: "field", text: field.stringValue,
                        expected: "one of " + known.keys.sorted().joined(separator: ", "))
                }
                try refuseUnknownFields(in: try fields.superDecoder(forKey: field), of: Mirror(reflecting: property))
            }
        default: break
        }
    }

    /// Any name that a field has.
    private struct Field: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }
}

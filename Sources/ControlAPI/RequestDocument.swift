// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// A document that a caller writes. It declares its fields, and any other is an error: a misspelt field would otherwise
/// be ignored in silence.
public protocol RequestDocument: Codable, Sendable {
    associatedtype CodingKeys: CodingKey & CaseIterable

    /// By field, the documents within this one: in the field itself, or in its list.
    static var documents: [String: any RequestDocument.Type] { get }
}

extension RequestDocument {
    public static var documents: [String: any RequestDocument.Type] { [:] }
}

extension JSON {
    /// - Throws: `MalformedValue` that names an unknown field and lists the known ones; else what ``decode(_:from:)``
    ///   throws.
    public static func decodeStrictly<Value: RequestDocument>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws -> Value {
        try decode(Strict<Value>.self, from: bytes).value
    }
}

/// A request without unknown fields.
private struct Strict<Value: RequestDocument>: Decodable {
    let value: Value

    init(from decoder: any Decoder) throws {
        try Value.refuseUnknownFields(in: decoder)
        value = try Value(from: decoder)
    }
}

extension RequestDocument {
    fileprivate static func refuseUnknownFields(in decoder: any Decoder) throws {
        // Decoding refuses anything other than an object.
        guard let fields = try? decoder.container(keyedBy: FieldName.self) else { return }
        let known = CodingKeys.allCases.map(\.stringValue)
        let given = fields.allKeys.map(\.stringValue)
        if let unknown = given.filter({ !known.contains($0) }).min() {
            throw MalformedValue(
                kind: "field", text: unknown, expected: "one of " + known.sorted().joined(separator: ", "))
        }
        for (field, document) in documents where given.contains(field) {
            let part = try fields.superDecoder(forKey: FieldName(stringValue: field))
            guard var entries = try? part.unkeyedContainer() else {
                try document.refuseUnknownFields(in: part)
                continue
            }
            while !entries.isAtEnd { try document.refuseUnknownFields(in: entries.superDecoder()) }
        }
    }
}

/// Any name that a field can have.
private struct FieldName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
}

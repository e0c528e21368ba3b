// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// A document that a caller writes. It declares its fields, and any other is an error: a misspelt field would otherwise
/// be ignored in silence.
public protocol RequestDocument: Codable, Sendable {
    associatedtype CodingKeys: CodingKey & CaseIterable

    static func rule(for field: CodingKeys) -> FieldRule

    /// By field, another one that has to be there too.
    static var needs: [String: String] { get }

    /// Whether the document of a later version, with more fields, is taken as well.
    static var isOpen: Bool { get }
}

extension RequestDocument {
    public static var needs: [String: String] { [:] }
    public static var isOpen: Bool { false }

    /// Its fields with their rules.
    public static var rules: [String: FieldRule] {
        Dictionary(uniqueKeysWithValues: CodingKeys.allCases.map { ($0.stringValue, rule(for: $0)) })
    }

    /// - Throws: ``MalformedDocument`` for an unknown field, and for a value that its field cannot have.
    static func check(_ given: GivenValue) throws {
        let values = try given.object()
        let rules = rules
        let names = rules.keys.sorted()
        if !isOpen, let unknown = values.keys.filter({ rules[$0] == nil }).min() {
            throw MalformedDocument(
                field: given.path(of: unknown.shortened),
                problem: "there is no such field; expected \(names.joined(separator: ", "))")
        }
        for name in names {
            guard let value = values[name] else { continue }
            try rules[name]?.check(value)
            if let other = needs[name], values[other] == nil { throw value.refused("it needs '\(other)' as well") }
        }
    }
}

extension JSON {
    /// - Throws: ``MalformedDocument`` for a field that is unknown or has a value that it cannot have; else what
    ///   ``decode(_:from:)`` throws.
    public static func decodeStrictly<Value: RequestDocument>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws -> Value {
        try decode(Strict<Value>.self, from: bytes).value
    }
}

/// A request that keeps to the rules of its fields.
private struct Strict<Value: RequestDocument>: Decodable {
    let value: Value

    init(from decoder: any Decoder) throws {
        try Value.check(GivenValue(decoder: decoder, path: ""))
        value = try Value(from: decoder)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import HostModel
import Synchronization

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
        if let fields = try? decoder.container(keyedBy: Field.self), PlainFields.of(value).isSuperset(of: fields.names)
        {
            return
        }
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
            for name in fields.names.sorted() {
                guard let property = known[name] else {
                    throw MalformedValue(
                        kind: "field", text: name, expected: "one of " + known.keys.sorted().joined(separator: ", "))
                }
                let document = try fields.superDecoder(forKey: Field(stringValue: name))
                try refuseUnknownFields(in: document, of: Mirror(reflecting: property))
            }
        default: break
        }
    }
}

/// Any name that a field has.
private struct Field: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer<Field> {
    fileprivate var names: [String] { allKeys.map(\.stringValue) }
}

/// The names of those fields of a type in which no other field can be: most requests have nothing else, and to look into a
/// value takes longer than all the rest of reading it.
private enum PlainFields {
    private static let known = Mutex<[ObjectIdentifier: Set<String>]>([:])

    static func of(_ value: some Any) -> Set<String> {
        let type = ObjectIdentifier(type(of: value))
        if let names = known.withLock({ $0[type] }) { return names }
        let plain = Mirror(reflecting: value).children.filter { isPlain(Swift.type(of: $0.value)) }
        let names = Set(plain.compactMap(\.label))
        known.withLock { $0[type] = names }
        return names
    }

    private static func isPlain(_ type: Any.Type) -> Bool {
        let plain: [Any.Type] = [
            Bool.self, Int.self, String.self, Bool?.self, Int?.self, String?.self, [String].self, [String]?.self,
        ]
        return plain.contains { $0 == type }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel

extension JSON {
    /// A field that nobody reads is a field misspelt: what was meant by it would silently not be done.
    ///
    /// - Parameters:
    ///   - bytes: the document that the value was decoded from.
    ///   - value: its stored properties are the document's fields, as those of every request are.
    /// - Throws: `MalformedValue` that names the field, and those that there are.
    public static func refuseUnknownFields(in bytes: [UInt8], of value: some Decodable) throws {
        let document: Any
        do {
            document = try JSONSerialization.jsonObject(with: Data(bytes))
        } catch {
            // It is stricter than the decoder.
            throw MalformedValue(
                kind: "document", text: String(decoding: bytes.prefix(40), as: UTF8.self), expected: "JSON")
        }
        try refuseUnknownFields(in: document, of: Mirror(reflecting: value))
    }

    private static func refuseUnknownFields(in document: Any, of value: Mirror) throws(MalformedValue) {
        if value.displayStyle == .optional {
            if let wrapped = value.children.first {
                try refuseUnknownFields(in: document, of: Mirror(reflecting: wrapped.value))
            }
            return
        }
        if value.displayStyle == .collection, let elements = document as? [Any] {
            for (element, child) in zip(elements, value.children) {
                try refuseUnknownFields(in: element, of: Mirror(reflecting: child.value))
            }
            return
        }
        guard let fields = document as? [String: Any] else { return }
        guard value.displayStyle == .struct else { return }
        let known = Dictionary(
            value.children.compactMap { child in child.label.map { ($0, child.value) } },
            uniquingKeysWith: { first, _ in first })
        for (name, content) in fields.sorted(by: { $0.key < $1.key }) {
            guard let property = known[name] else {
                throw MalformedValue(
                    kind: "field", text: name, expected: "one of " + known.keys.sorted().joined(separator: ", "))
            }
            // What is written as an object is one here as well; what is written as text has no fields.
            try refuseUnknownFields(in: content, of: Mirror(reflecting: property))
        }
    }
}

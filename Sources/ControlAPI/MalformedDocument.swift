// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The error of a JSON document that the API cannot use: the field, the expected and the received value.
public struct MalformedDocument: Reportable, Equatable {
    /// What the document is: `request`, `query`, `answer`.
    public let document: String
    /// `devices[0].vlan`; empty for the whole document.
    public let field: String
    public let problem: String
    public let code: String
    private let kind: ErrorKind

    /// - Parameter field: its path in the document.
    public init(
        field: String, problem: String, code: String = "malformed", kind: ErrorKind = .malformed,
        in document: String = "request"
    ) {
        self.document = document
        self.field = field
        self.problem = problem
        self.code = code
        self.kind = kind
    }

    public init(_ error: DecodingError, in document: String = "request") {
        self.document = document
        code = "malformed"
        kind = .malformed
        switch error {
        case .keyNotFound(let key, let context):
            field = Self.path(context.codingPath + [key])
            problem = "this field is required"
        case .valueNotFound(let type, let context):
            field = Self.path(context.codingPath)
            problem = "expected \(Self.name(of: type)), got null"
        case .typeMismatch(let type, let context):
            field = Self.path(context.codingPath)
            problem = "expected \(Self.name(of: type))" + (Self.found(context).map { ", got \($0)" } ?? "")
        case .dataCorrupted(let context):
            field = Self.path(context.codingPath)
            problem = Self.problem(of: context)
        @unknown default:
            field = ""
            problem = "it has an unexpected form"
        }
    }

    public var report: ErrorReport {
        ErrorReport(
            kind, code, field.isEmpty ? document : field,
            field.isEmpty
                ? "the \(document) cannot be read: \(problem)" : "field '\(field)' of the \(document): \(problem)")
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }

    /// What JSON calls a value of the type.
    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is any Sequence.Type where !(type is any ExpressibleByDictionaryLiteral.Type): "a list"
        default: "an object"
        }
    }

    /// The decoder names what it found only in its text: `Expected to decode Int but found a string instead.`
    private static func found(_ context: DecodingError.Context) -> String? {
        guard let start = context.debugDescription.firstRange(of: "but found "),
            let end = context.debugDescription.firstRange(of: " instead", after: start.upperBound)
        else { return nil }
        let found = context.debugDescription[start.upperBound..<end.lowerBound]
        let words = [
            "string": "a string", "number": "a number", "bool": "true or false", "array": "a list",
            "dictionary": "an object", "null": "null",
        ]
        return words.first { found.contains($0.key) }?.value
    }

    private static func problem(of context: DecodingError.Context) -> String {
        if let value = context.underlyingError as? MalformedValue { return value.message }
        let text = context.debugDescription
        if let start = text.firstRange(of: "from invalid String value ") {
            return "'\(text[start.upperBound...])' is not a value that it can have"
        }
        if text.contains("does not fit") || text.contains("not representable") { return "the number is out of range" }
        return context.codingPath.isEmpty ? "it is not valid JSON" : "its value has the wrong form"
    }
}

extension String {
    fileprivate func firstRange(of part: String, after start: Index? = nil) -> Range<Index>? {
        self[(start ?? startIndex)...].ranges(of: part).first
    }
}

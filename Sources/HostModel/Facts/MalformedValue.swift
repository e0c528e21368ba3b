// SPDX-License-Identifier: GPL-3.0-or-later

/// A string that cannot be parsed as the expected value.
public struct MalformedValue: Reportable, Equatable {
    /// The expected kind of value, like `PCI address`.
    public let kind: String
    /// The string that was given.
    public let text: String
    /// The accepted format.
    public let expected: String

    public init(kind: String, text: String, expected: String) {
        self.kind = kind
        self.text = text
        self.expected = expected
    }

    public var report: ErrorReport {
        let article = kind.first.map { "aeioAEIO".contains($0) } == true ? "an" : "a"
        return ErrorReport(
            .malformed, "malformed", text.shortened,
            "'\(text.shortened)' is not \(article) \(kind): expected \(expected)")
    }
}

/// A value that is written as one string in JSON and YAML.
public protocol TextCodable: Codable, CustomStringConvertible, Sendable {
    init(_ text: String) throws(MalformedValue)
}

extension TextCodable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(container.decode(String.self))
        } catch let error as MalformedValue {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.description, underlyingError: error))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

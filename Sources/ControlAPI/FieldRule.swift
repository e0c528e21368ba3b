// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import PrintableText

/// The values that a field of a request can have. docs/openapi.yaml has the same, and a test compares them.
public indirect enum FieldRule: Sendable {
    /// Printable characters; their number in Unicode scalars.
    case line(ClosedRange<Int>)
    /// A document in another language. A longer one than the limit of a request's body is refused by that.
    case text
    /// A string with a format of its own.
    case value(any TextCodable.Type)
    /// - code: of the error outside the range.
    case number(ClosedRange<Int>, code: String = "malformed")
    /// A number, or as version 0.1 wrote it, a string.
    case vlan
    case flag
    case choice([String])
    /// With this many entries.
    case list(ClosedRange<Int>, of: FieldRule)
    case document(any RequestDocument.Type)

    /// The values of an enumeration.
    static func one<Value: CaseIterable & RawRepresentable<String>>(of type: Value.Type) -> FieldRule {
        .choice(type.allCases.map(\.rawValue))
    }
}

extension FieldRule {
    /// - Throws: ``MalformedDocument`` that names the field.
    func check(_ given: GivenValue) throws {
        switch self {
        case .line(let length): try Self.check(line: try given.string(), length, given)
        case .text: _ = try given.string()
        case .value(let type):
            let text = try given.string()
            do throws(MalformedValue) { _ = try type.init(text) } catch { throw given.refused(error.message) }
        case .number(let range, let code):
            let number = try given.number()
            if number < range.lowerBound { throw given.refused("\(number) is less than \(range.lowerBound)", code) }
            if number > range.upperBound { throw given.refused("\(number) is more than \(range.upperBound)", code) }
        case .vlan:
            let text = try given.stringIfAny() ?? String(given.number())
            do throws(MalformedValue) { _ = try VLANID(text) } catch { throw given.refused(error.message) }
        case .flag: try given.flag()
        case .choice(let words):
            let text = try given.string()
            guard !words.contains(text) else { return }
            throw given.refused("'\(text.shortened)' is not one of \(words.joined(separator: ", "))")
        case .list(let length, let rule): try given.eachEntry(of: length) { try rule.check($0) }
        case .document(let type): try type.check(given)
        }
    }

    private static func check(line text: String, _ length: ClosedRange<Int>, _ given: GivenValue) throws {
        let count = text.unicodeScalars.count
        if count < length.lowerBound { throw given.refused("it is empty") }
        if count > length.upperBound {
            throw given.refused("it has \(count) characters, more than \(length.upperBound)")
        }
        guard text.isPrintable else { throw given.refused("it has a line break or another unprintable character") }
    }
}

/// A value of a request as it was sent, and where it is.
struct GivenValue {
    let decoder: any Decoder
    /// `devices[0].vlan`; empty for the whole document.
    let path: String

    func refused(_ problem: String, _ code: String = "malformed") -> MalformedDocument {
        MalformedDocument(field: path, problem: problem, code: code)
    }

    private func expected(_ what: String) -> MalformedDocument { refused("expected \(what), got \(kind)") }

    /// What JSON calls the value.
    private var kind: String {
        guard let value = try? decoder.singleValueContainer() else { return "another value" }
        if value.decodeNil() { return "null" }
        if (try? value.decode(Bool.self)) != nil { return "true or false" }
        if (try? value.decode(String.self)) != nil { return "a string" }
        if (try? decoder.unkeyedContainer()) != nil { return "a list" }
        return fields == nil ? "a number" : "an object"
    }

    func stringIfAny() -> String? { try? decoder.singleValueContainer().decode(String.self) }

    func string() throws -> String {
        guard let text = stringIfAny() else { throw expected("a string") }
        return text
    }

    func number() throws -> Int {
        if let number = try? decoder.singleValueContainer().decode(Int.self) { return number }
        guard kind == "a number" else { throw expected("a whole number") }
        guard let number = try? decoder.singleValueContainer().decode(Double.self), number.magnitude < 0x1p63 else {
            throw refused("the number is out of range")
        }
        throw refused("expected a whole number, got \(number)")
    }

    func flag() throws {
        guard (try? decoder.singleValueContainer().decode(Bool.self)) != nil else { throw expected("true or false") }
    }

    func eachEntry(of length: ClosedRange<Int>, _ check: (GivenValue) throws -> Void) throws {
        guard var entries = try? decoder.unkeyedContainer() else { throw expected("a list") }
        let count = entries.count ?? 0
        let problem = count < length.lowerBound ? "fewer than \(length.lowerBound)" : "more than \(length.upperBound)"
        guard length.contains(count) else { throw refused("it has \(count) entries, \(problem)") }
        while !entries.isAtEnd {
            let place = "\(path)[\(entries.currentIndex)]"
            try check(GivenValue(decoder: entries.superDecoder(), path: place))
        }
    }

    private var fields: KeyedDecodingContainer<FieldName>? { try? decoder.container(keyedBy: FieldName.self) }

    /// By name, the values of an object.
    func object() throws -> [String: GivenValue] {
        guard let fields else { throw expected("an object") }
        var values: [String: GivenValue] = [:]
        for key in fields.allKeys {
            values[key.stringValue] = GivenValue(
                decoder: try fields.superDecoder(forKey: key), path: self.path(of: key.stringValue))
        }
        return values
    }

    func path(of field: String) -> String { path.isEmpty ? field : path + "." + field }
}

/// Any name that a field can have.
private struct FieldName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// One value of a YAML document, and where it begins.
struct YAMLNode: Sendable {
    /// A position in the text. Lines and columns start at 1; columns count Unicode scalars.
    struct Mark: Sendable {
        let line: Int
        let column: Int
    }

    enum Content: Sendable {
        /// - isPlain: without quotes and without a tag that makes it a string. YAML reads numbers, booleans and null from
        ///   plain scalars only.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    let content: Content
    let mark: Mark

    /// A scalar as it is written; nil for a sequence and a mapping.
    var string: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    var sequence: [YAMLNode]? {
        if case .sequence(let entries) = content { entries } else { nil }
    }

    var mapping: [(key: YAMLNode, value: YAMLNode)]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    private var plain: String? {
        if case .scalar(let text, isPlain: true) = content { text } else { nil }
    }
}

/// What plain scalars mean.
///
/// Source: https://yaml.org/type/ (YAML 1.1), without numbers to the base 60.
extension YAMLNode {
    var isNull: Bool { plain.map(["", "~", "null", "Null", "NULL"].contains) ?? false }

    var bool: Bool? {
        switch plain?.lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }

    /// A decimal number, or one after `0x`, `0b` and `0o`. Underscores separate digits. nil for one that begins with 0:
    /// its meaning is in doubt.
    var int: Int? { isOctalOrDecimal ? nil : number }

    /// Whether it begins with 0, as 0100: YAML 1.1 takes it for an octal number, YAML 1.2 and people for a decimal one.
    var isOctalOrDecimal: Bool {
        guard let plain else { return false }
        let digits = plain.drop { $0 == "-" || $0 == "+" }.filter { $0 != "_" }
        return digits.count > 1 && digits.first == "0" && digits.allSatisfy(\.isNumber)
    }

    /// The number by the rules of YAML 1.1.
    var number: Int? {
        guard var digits = plain?.filter({ $0 != "_" }) else { return nil }
        let sign = digits.hasPrefix("-") ? "-" : ""
        if digits.hasPrefix("-") || digits.hasPrefix("+") { digits.removeFirst() }
        guard digits != "0" else { return 0 }
        let bases = [("0x", 16), ("0b", 2), ("0o", 8), ("0", 8)]
        let (prefix, base) = bases.first { digits.hasPrefix($0.0) } ?? ("", 10)
        digits.removeFirst(prefix.count)
        // Int reads a second sign here.
        guard digits.first?.isHexDigit == true else { return nil }
        return Int(sign + digits, radix: base)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Yams

/// A configuration that cannot be used, and where the trouble is.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    let file: String
    /// 1-based; nil when the file as a whole is meant.
    let line: Int?
    let column: Int?
    let problem: String
    var remedy: String?

    var place: String {
        [file, line.map(String.init), column.map(String.init)].compactMap(\.self).joined(separator: ":")
    }
    var description: String { "\(place): \(problem)" }
}

/// One node of a YAML file that knows where it stands, so that every complaint names its line.
struct YAMLCursor {
    let file: String
    let node: Node

    func fail(_ problem: String, remedy: String? = nil) -> ConfigurationError {
        ConfigurationError(
            file: file, line: node.mark?.line, column: node.mark?.column, problem: problem, remedy: remedy)
    }

    /// The values of a mapping by key; a key that is not among `keys` is an error with the nearest that is.
    func mapping(of keys: [String]) throws(ConfigurationError) -> [String: YAMLCursor] {
        guard let mapping = node.mapping else { throw fail("expected a mapping with \(keys.joined(separator: ", "))") }
        var values: [String: YAMLCursor] = [:]
        for (key, value) in mapping {
            let cursor = YAMLCursor(file: file, node: key)
            guard let name = key.string, keys.contains(name) else {
                let given = key.string ?? "?"
                let near = keys.min { given.editDistance(to: $0) < given.editDistance(to: $1) }
                throw cursor.fail(
                    "unknown key '\(given)'",
                    remedy: near.map { "did you mean '\($0)'? known: \(keys.joined(separator: ", "))" })
            }
            values[name] = YAMLCursor(file: file, node: value)
        }
        return values
    }

    func list() throws(ConfigurationError) -> [YAMLCursor] {
        guard let sequence = node.sequence else { throw fail("expected a list") }
        return sequence.map { YAMLCursor(file: file, node: $0) }
    }

    func string() throws(ConfigurationError) -> String {
        guard let string = node.scalar?.string, !string.isEmpty else { throw fail("expected a text") }
        return string
    }

    func bool() throws(ConfigurationError) -> Bool {
        guard let value = node.bool else { throw fail("expected true or false") }
        return value
    }

    func integer(in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        guard let value = node.int, range.contains(value) else {
            throw fail("expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Four hexadecimal digits, as lspci -n prints vendor and device ids.
    func pciID() throws(ConfigurationError) -> UInt16 {
        let text = try string()
        guard text.count == 4, let id = UInt16(text, radix: 16) else {
            throw fail("'\(text)' is not a PCI id", remedy: "four hexadecimal digits in quotes, like \"8086\"")
        }
        return id
    }

    func value<Value: TextCodable>(_ type: Value.Type) throws(ConfigurationError) -> Value {
        let text = try string()
        do { return try Value(text) } catch { throw fail(error.description) }
    }
}

extension String {
    /// Levenshtein's distance, for "did you mean".
    fileprivate func editDistance(to other: String) -> Int {
        var row = Array(0...other.count)
        for (i, mine) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, theirs) in other.enumerated() {
                let above = row[j + 1]
                row[j + 1] = Swift.min(above + 1, row[j] + 1, diagonal + (mine == theirs ? 0 : 1))
                diagonal = above
            }
        }
        return row[other.count]
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// A row of ARCHITECTURE.md's table `| target | role | imports |`: the imports are the names of all modules that files of
/// the target import, in alphabetical order with commas between, or `nothing`.
struct TargetRow {
    let name: String
    let role: String
    let imports: Set<String>

    /// How a row is written.
    static func line(_ name: String, _ role: String, _ imports: Set<String>) -> String {
        "| `\(name)` | \(role) | \(imports.isEmpty ? "nothing" : imports.sorted().joined(separator: ", ")) |"
    }

    /// - Throws: ``Malformed`` for a row of another form, so that no row is overlooked.
    static func rows(in text: String) throws -> [TargetRow] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let header = lines.firstIndex(of: "| target | role | imports |") else {
            throw Malformed(line: "| target | role | imports |")
        }
        return try lines.dropFirst(header + 2).prefix { $0.hasPrefix("|") }.map { line in
            guard let parts = line.wholeMatch(of: #/\| `([\w-]+)` \| (.+) \| (nothing|\w+(?:, \w+)*) \|/#) else {
                throw Malformed(line: String(line))
            }
            let imports = parts.3 == "nothing" ? [] : parts.3.split(separator: ", ").map(String.init)
            return TargetRow(name: String(parts.1), role: String(parts.2), imports: Set(imports))
        }
    }

    /// A line that is no row of the table.
    struct Malformed: Error {
        let line: String
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// The project's own files, found from where this one lies.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct SwiftFile: CustomStringConvertible, Sendable {
        /// `Sources/HostIO/Files/HostPaths.swift`.
        let path: String
        let lines: [String]

        var description: String { path }
        /// The folder below Sources or Tests.
        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

        /// What the file imports, without access levels, attributes and submodules.
        var imports: [String] {
            lines.compactMap { line in
                // Most lines are indented: the expression is slow in debug builds.
                guard let first = line.utf8.first, "@fip".utf8.contains(first) else { return nil }
                return line.wholeMatch(
                    of:
                        /(?:@\w+ )*(?:(?:public|package|internal|fileprivate|private) )?import (?:(?:struct|class|enum|func|protocol) )?(\w+).*/
                ).map { String($0.1) }
            }
        }

        /// Without what follows `//`: rules about code are not rules about comments.
        var code: [String] {
            lines.map { line in
                guard let comment = line.range(of: #"(^|\s)//"#, options: .regularExpression) else { return line }
                return String(line[..<comment.lowerBound])
            }
        }
    }

    static func files(below folder: String) throws -> [SwiftFile] {
        let base = root.appending(path: folder).path
        let paths = try FileManager.default.subpathsOfDirectory(atPath: base).filter { $0.hasSuffix(".swift") }
        return try paths.sorted().map { path in
            let text = try String(contentsOfFile: base + "/" + path, encoding: .utf8)
            return SwiftFile(path: folder + "/" + path, lines: text.components(separatedBy: "\n"))
        }
    }
}

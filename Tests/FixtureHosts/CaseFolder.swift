// SPDX-License-Identifier: GPL-3.0-or-later
package import Foundation
import TestPrograms

/// Hosts and documents as people met them: Tests/Fixtures/cases, or the folder that BUSLANE_CASES names.
///
/// The folder is taken as it is. Its README.md says what is right for each case.
package enum CaseFolder {
    package static let folder: URL =
        if let other = ProcessInfo.processInfo.environment["BUSLANE_CASES"] {
            URL(filePath: other)
        } else {
            URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/cases")
        }

    /// The trees' names without `.tree`, in order. Empty when the folder cannot be read.
    package static let trees: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? [])
        .filter { $0.hasSuffix(".tree") }.map { String($0.dropLast(".tree".count)) }.sorted()

    /// A document of the folder.
    package static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// Makes the host of a tree below a folder, with the case folder's own `build.py`.
    ///
    /// - Throws: the program's output, when it fails.
    static func build(_ name: String, below root: String) throws {
        let (status, text) = try TestProgram.run(["/usr/bin/python3", "build.py", "\(name).tree", root], in: folder)
        guard status == 0 else {
            throw CocoaError(.fileReadCorruptFile, userInfo: [NSDebugDescriptionErrorKey: text])
        }
    }
}

extension FixtureTree {
    /// The host of a case.
    package convenience init(case name: String) throws {
        try self.init()
        try CaseFolder.build(name, below: root)
    }
}

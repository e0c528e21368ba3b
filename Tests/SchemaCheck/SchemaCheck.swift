// SPDX-License-Identifier: GPL-3.0-or-later
public import Foundation
import TestPrograms

/// Documents against a published schema.
public enum SchemaCheck {
    /// Runs `tools/validate-json` on the documents, which it sees as `0.json`, `1.json` and so on.
    ///
    /// - Parameter schema: its path in the repository.
    /// - Returns: the validator's exit status and its lines, one a fault. Without Python's jsonschema (Debian:
    ///   python3-jsonschema) the status is 2, which no test takes for success.
    public static func validate(
        _ documents: [Data], against schema: String = "docs/inventory.schema.json"
    ) throws -> (status: Int32, lines: String) {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = FileManager.default.temporaryDirectory.appending(path: "buslane-schema-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = try documents.enumerated().map { index, data in
            let file = folder.appending(path: "\(index).json")
            try data.write(to: file)
            return file.path
        }
        let (status, lines) = try TestProgram.run(
            ["/usr/bin/python3", root.appending(path: "tools/validate-json").path, root.appending(path: schema).path]
                + files)
        return (status, lines)
    }
}

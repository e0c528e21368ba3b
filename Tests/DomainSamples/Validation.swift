// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// Documents held against RELAX NG schemas, by xmllint.
public enum Schema {
    /// libvirt's own, which `virsh define --validate` asks.
    public static let domain = "/usr/share/libvirt/schemas/domain.rng"
    private static let documents = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
    /// Ours.
    public static let guide = documents.appending(path: "guide.md").standardizedFileURL.path
    public static let request = documents.appending(path: "domain-request.rng").standardizedFileURL.path

    /// What is wrong with a document; nil when it is valid.
    public static func complaint(about xml: String, by schema: String) throws -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/xmllint")
        process.arguments = ["--noout", "--nonet", "--relaxng", schema, "-"]
        let (input, errors) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardError = errors
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(xml.utf8))
        try input.fileHandleForWriting.close()
        let output = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? nil : String(decoding: output, as: UTF8.self)
    }
}

extension String {
    /// Without white space around it.
    public var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

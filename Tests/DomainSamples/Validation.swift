// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import TestPrograms

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
        let (status, output) = try TestProgram.run(
            ["/usr/bin/xmllint", "--noout", "--nonet", "--relaxng", schema, "-"], input: xml)
        return status == 0 ? nil : output
    }
}

extension String {
    /// Without white space around it.
    public var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

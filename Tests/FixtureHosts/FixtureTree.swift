// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
package import HostIO
package import HostModel

/// The files of a host, in a temporary folder that exists as long as this object.
package final class FixtureTree {
    package let root: String
    private let files = FileManager.default

    /// A tree of Tests/Fixtures.
    package convenience init(named name: String) throws {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        try self.init(String(contentsOf: fixtures.appending(path: "Fixtures/\(name).tree"), encoding: .utf8))
    }

    /// A tree in the format of Tests/Fixtures/README.md.
    package init(_ manifest: String = "") throws {
        root = files.temporaryDirectory.appending(path: "buslane-tree-\(UUID().uuidString)").path()
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        var folder = "/"
        for line in manifest.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                folder = String(line.dropFirst().dropLast())
                try makeFolder(folder)
            } else if let link = line.range(of: " -> ") {
                try makeLink(at: absolute(line[..<link.lowerBound], in: folder), to: String(line[link.upperBound...]))
            } else if let file = line.range(of: " is ") {
                try write(
                    bytes: configSpace(String(line[file.upperBound...])),
                    to: absolute(line[..<file.lowerBound], in: folder))
            } else if let file = line.range(of: " =") {
                let text = line[file.upperBound...].trimmingCharacters(in: .whitespaces)
                try write(text.replacing("\\n", with: "\n"), to: absolute(line[..<file.lowerBound], in: folder))
            } else {
                throw CocoaError(.fileReadCorruptFile, userInfo: [NSDebugDescriptionErrorKey: line])
            }
        }
    }

    deinit { try? files.removeItem(atPath: root) }

    package var paths: HostPaths { HostPaths(root: root) }
    package var reader: SysfsReader { SysfsReader(paths: paths) }

    /// Reads the host, and keeps the tree until it was read.
    package func snapshot() throws -> HostSnapshot { try withExtendedLifetime(self) { try reader.snapshot() } }

    /// A file's content.
    package func text(_ path: String) throws -> String { try String(contentsOfFile: root + path, encoding: .utf8) }

    /// Writes a line, and creates the folders above it.
    package func write(_ text: String, to path: String) throws {
        try makeParent(of: path)
        try (text + "\n").write(toFile: root + path, atomically: false, encoding: .utf8)
    }

    package func write(bytes: [UInt8], to path: String) throws {
        try makeParent(of: path)
        try Data(bytes).write(to: URL(filePath: root + path))
    }

    package func remove(_ path: String) throws { try files.removeItem(atPath: root + path) }

    /// A link with exactly this target, as in /proc/PID/fd.
    package func makeRawLink(at path: String, to target: String) throws {
        try makeParent(of: path)
        try files.createSymbolicLink(atPath: root + path, withDestinationPath: target)
    }

    private func absolute(_ path: Substring, in folder: String) -> String {
        path.hasPrefix("/") ? String(path) : folder + "/" + path
    }

    private func makeParent(of path: String) throws {
        try files.createDirectory(
            atPath: (root + path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    }

    private func makeFolder(_ path: String) throws {
        try files.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        let name = (path as NSString).lastPathComponent
        guard (try? PCIAddress(name)) != nil else { return }
        try makeLink(at: "/sys/bus/pci/devices/\(name)", to: path)
    }

    /// A relative link; for `iommu_group` also the group's link to its member.
    private func makeLink(at path: String, to target: String) throws {
        let depth = path.split(separator: "/").count - 1
        try makeRawLink(at: path, to: String(repeating: "../", count: depth) + target.dropFirst())
        let parts = path.split(separator: "/")
        if parts.last == "iommu_group", let owner = parts.dropLast().last {
            try makeLink(at: "\(target)/devices/\(owner)", to: "/" + parts.dropLast().joined(separator: "/"))
        }
    }
}

/// A PCI address from a literal of a test.
package func address(_ text: String) throws -> PCIAddress { try PCIAddress(text) }

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostIO
import HostModel

/// A host tree of Tests/Fixtures, or of a test's own text, written below a folder of its own and removed at the end.
final class FixtureTree {
    let root: String
    private let files = FileManager.default

    /// A tree of Tests/Fixtures.
    convenience init(named name: String) throws {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        try self.init(String(contentsOf: fixtures.appending(path: "Fixtures/\(name).tree"), encoding: .utf8))
    }

    /// A tree from a text in the format of Tests/Fixtures/README.md.
    init(_ manifest: String = "") throws {
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

    var paths: HostPaths { HostPaths(root: root) }
    var reader: SysfsReader { SysfsReader(paths: paths) }
    var writer: SysfsWriter { SysfsWriter(paths: paths) }

    /// The host as it reads, with the tree there until it was read.
    func snapshot() throws -> HostSnapshot { try withExtendedLifetime(self) { try reader.snapshot() } }

    /// What a file of the tree holds.
    func text(_ path: String) throws -> String { try String(contentsOfFile: root + path, encoding: .utf8) }

    func write(_ text: String, to path: String) throws {
        try makeParent(of: path)
        try (text + "\n").write(toFile: root + path, atomically: false, encoding: .utf8)
    }

    func write(bytes: [UInt8], to path: String) throws {
        try makeParent(of: path)
        try Data(bytes).write(to: URL(filePath: root + path))
    }

    func remove(_ path: String) throws { try files.removeItem(atPath: root + path) }

    /// A link whose text is taken as it stands, as in /proc/PID/fd.
    func makeRawLink(at path: String, to target: String) throws {
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

    /// A relative link, and the group's own list for `iommu_group`.
    private func makeLink(at path: String, to target: String) throws {
        let depth = path.split(separator: "/").count - 1
        try makeRawLink(at: path, to: String(repeating: "../", count: depth) + target.dropFirst())
        let parts = path.split(separator: "/")
        if parts.last == "iommu_group", let owner = parts.dropLast().last {
            try makeLink(at: "\(target)/devices/\(owner)", to: "/" + parts.dropLast().joined(separator: "/"))
        }
    }
}

/// A PCI address that a test knows to be one.
func address(_ text: String) throws -> PCIAddress { try PCIAddress(text) }

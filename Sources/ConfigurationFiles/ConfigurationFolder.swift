// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import Glibc
package import HostModel

/// The declared state as files: `buslane.yaml`, then `conf.d/*.yaml` in name order; lists of later files are appended.
package struct ConfigurationFolder: Sendable {
    /// `/etc/buslane`.
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// The default.
    package static let standard = ConfigurationFolder(directory: "/etc/buslane")

    /// Reads the files as they are now.
    ///
    /// - Throws: the first error of the first file that has one. No file at all is an error too: a lost file would remove
    ///   every VF.
    package func load() throws(ConfigurationError) -> DesiredState {
        var reader = ConfigurationReader()
        let files = self.files
        guard !files.isEmpty else {
            throw ConfigurationError(
                at: Place(file: directory + "/buslane.yaml"), "there is no such file, and none in conf.d",
                remedy: renaming
                    ?? "write one; 'physicalFunctions: []' declares no VFs")
        }
        for file in files { reader.read(contentsOf: file) }
        return try reader.result()
    }

    /// The files that there are, in the order in which they are read.
    package var files: [String] {
        let folder = directory + "/conf.d"
        // Runs at every claim, and listing a missing folder builds an expensive error.
        let fragments = Self.exists(folder) ? (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] : []
        let main = directory + "/buslane.yaml"
        return (Self.exists(main) ? [main] : [])
            + fragments.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted()
            .map { "\(directory)/conf.d/\($0)" }
    }

    /// Files that look like configuration and are not read, because their names end in `.yml`, `.YAML` or the like.
    package var ignored: [String] {
        func looksRead(_ name: String) -> Bool {
            let name = name.lowercased()
            return !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
        }
        func names(in folder: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(looksRead).sorted()
        }
        return names(in: directory).filter { $0.lowercased().hasPrefix("buslane.") && $0 != "buslane.yaml" }
            .map { "\(directory)/\($0)" }
            + names(in: directory + "/conf.d").filter { !$0.hasSuffix(".yaml") }.map { "\(directory)/conf.d/\($0)" }
    }

    /// Why a file is ``ignored``.
    package static let namingRule = "the name of a configuration file ends in .yaml"

    /// The remedy where no file is read and one is ``ignored``.
    package var renaming: String? { ignored.first.map { "rename \($0): \(Self.namingRule)" } }

    private static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Changes when a file is written, replaced, added or removed. Reads no content.
    package var version: [FileVersion] { files.map(FileVersion.init) }
}

/// The version of a file's content, by its attributes.
package struct FileVersion: Hashable, Sendable {
    let path: String
    /// Zero for a file that is gone.
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let changed: [Int]

    init(path: String) {
        var status = stat()
        self.path = path
        guard unsafe stat(path, &status) == 0 else {
            (device, inode, size, changed) = (0, 0, 0, [])
            return
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        // The change time too: unlike the modification time, nobody can set it.
        changed = [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ]
    }
}

extension ConfigurationReader {
    /// Reads another file.
    package mutating func read(contentsOf file: String) {
        guard let data = FileManager.default.contents(atPath: file) else {
            errors.append(ConfigurationError(at: Place(file: file), "cannot be read"))
            return
        }
        guard let text = String(data: data, encoding: .utf8) else {
            errors.append(ConfigurationError(at: Place(file: file), "is not UTF-8 text"))
            return
        }
        read(text, file: file)
    }
}

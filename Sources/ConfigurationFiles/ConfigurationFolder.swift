// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
package import HostModel

/// The declared state as files: `buslane.yaml`, then `conf.d/*.yaml` in name order; lists of later files are appended.
package struct ConfigurationFolder: Sendable {
    /// `/etc/buslane`.
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// Where the configuration is when nobody says otherwise.
    package static let standard = ConfigurationFolder(directory: "/etc/buslane")

    /// Reads the files as they are now. No file at all declares nothing.
    ///
    /// - Throws: the first error of the first file that has one.
    package func load() throws(ConfigurationError) -> DesiredState {
        var reader = ConfigurationReader()
        for file in files { reader.read(contentsOf: file) }
        return try reader.result()
    }

    /// The files that there are, in the order in which they are read.
    package var files: [String] {
        let fragments = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/conf.d")) ?? []
        let main = directory + "/buslane.yaml"
        return (FileManager.default.fileExists(atPath: main) ? [main] : [])
            + fragments.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted()
            .map { "\(directory)/conf.d/\($0)" }
    }
}

extension ConfigurationReader {
    /// Reads one file more.
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

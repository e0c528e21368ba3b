// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// A test's own folder. It is removed with its object.
public final class TemporaryFolder: Sendable {
    public let path: String

    /// In memory where that is possible: the tests check the order of synced writes, which cost nothing there.
    public init() {
        let memory = "/dev/shm"
        let base =
            FileManager.default.isWritableFile(atPath: memory)
            ? URL(filePath: memory) : FileManager.default.temporaryDirectory
        let url = base.appending(path: "buslane-\(UUID().uuidString)")
        // If the folder cannot be created, the test fails at its first use.
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

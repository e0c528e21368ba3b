// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// A place for a file in a folder of its own, gone when the test is.
final class TemporaryFile: Sendable {
    private let directory: URL
    let path: String

    init() {
        directory = FileManager.default.temporaryDirectory.appending(path: "buslane-\(UUID().uuidString)")
        // A folder that cannot be made fails the test at its first use.
        try? FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        path = directory.appending(path: "ledger.sqlite").path
    }

    deinit { try? FileManager.default.removeItem(at: directory) }
}

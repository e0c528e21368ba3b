// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc

/// An exclusive lock that lasts until it is deallocated, or until the process ends. Source: flock(2).
package final class FileLock: Sendable {
    private let file: CInt

    /// nil when another process holds the lock.
    ///
    /// - Throws: `POSIXError` when the file cannot be opened or locked.
    package init?(_ path: String) throws {
        // SAFETY: the string lives until the call returns.
        file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 { return }
        let error = errno
        if file >= 0 { close(file) }
        if error == EWOULDBLOCK { return nil }
        throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EIO, userInfo: [NSFilePathErrorKey: path])
    }

    deinit { close(file) }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// The daemon's operations on its unix sockets.
package enum UnixSocket {
    /// Whether the process at the other end has closed the connection or ended.
    ///
    /// A peer that only finished sending still waits for its answer, and is not meant here.
    ///
    /// - Parameter connection: an open file descriptor.
    ///
    /// Source: `unix_poll`, net/unix/af_unix.c: POLLHUP means that both directions are closed.
    package static func hasHungUp(_ connection: Int32) -> Bool {
        var question = pollfd(fd: connection, events: 0, revents: 0)
        // SAFETY: the kernel writes to one structure, which lives until the call returns.
        return unsafe poll(&question, 1, 0) == 1 && question.revents & Int16(POLLHUP) != 0
    }

    /// Lets root and one group connect to a socket.
    ///
    /// - Returns: 0, or the `errno` of the first call that failed.
    package static func open(_ path: String, to group: UInt32) -> Int32 {
        // SAFETY: the string lives until the calls return.
        guard unsafe chmod(path, 0o660) == 0, unsafe chown(path, uid_t.max, group) == 0 else { return errno }
        return 0
    }

    /// Removes a socket's file.
    package static func remove(_ path: String) {
        // SAFETY: the string lives until the call returns.
        unsafe unlink(path)
    }
}

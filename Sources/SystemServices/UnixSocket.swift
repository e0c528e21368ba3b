// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Synchronization

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
    /// - Parameter group: its id; nil if only root may connect.
    /// - Returns: 0, or the `errno` of the first call that failed.
    package static func open(_ path: String, to group: UInt32?) -> Int32 {
        // SAFETY: the string lives until the calls return.
        guard unsafe chmod(path, group == nil ? 0o600 : 0o660) == 0,
            unsafe chown(path, uid_t.max, group ?? gid_t.max) == 0
        else { return errno }
        return 0
    }

    /// How many descriptors this process can have.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        guard unsafe getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Whether a process listens on a socket. A file that a process left behind has no listener.
    ///
    /// Source: connect(2): ECONNREFUSED without a listener, EAGAIN while its queue is full.
    package static func hasListener(_ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // SAFETY: the bytes fit, and the field is zeroed and keeps a zero at its end.
        let isWritten = unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            unsafe place.copyBytes(from: bytes)
            return true
        }
        let options = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let channel = socket(AF_UNIX, options, 0)
        guard isWritten, channel >= 0 else { return false }
        defer { close(channel) }
        // SAFETY: a unix socket takes a sockaddr_un as its sockaddr, with the size of a sockaddr_un.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(channel, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 || errno == EAGAIN
    }
}

/// The file of a socket that this process listens on.
package final class SocketFile: Sendable {
    package let path: String
    /// Where the process binds its socket, before it is ready for clients. NIO removes what is there when it closes the
    /// socket, whosever it is.
    package let bound: String
    /// The file as this process made it.
    private let own = Mutex<Identity?>(nil)

    private struct Identity: Equatable {
        let device: dev_t
        let number: ino_t
    }

    package init(path: String, boundAs bound: String) { (self.path, self.bound) = (path, bound) }

    /// Puts the socket in its place: from now on clients find it. Call this when the process listens.
    ///
    /// - Returns: 0, or the `errno` of rename(2).
    package func publish() -> Int32 {
        // SAFETY: the strings live until the call returns.
        guard unsafe rename(bound, path) == 0 else { return errno }
        own.withLock { $0 = identity }
        return 0
    }

    /// Removes the file, unless it is another one by now: then another process listens there.
    package func remove() {
        guard let made = own.withLock({ $0.take() }), made == identity else { return }
        // SAFETY: the string lives until the call returns.
        unsafe unlink(path)
    }

    private var identity: Identity? {
        var status = stat()
        // SAFETY: the string lives until the call returns, and the kernel fills the structure.
        guard unsafe lstat(path, &status) == 0 else { return nil }
        return Identity(device: status.st_dev, number: status.st_ino)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import SystemServices

/// The right of this daemon alone to listen on some sockets, for as long as this value lives. The lock files beside the
/// sockets stay.
struct SocketLock: Sendable {
    private let locks: [FileLock]

    /// - Throws: ``Trouble``; `POSIXError` when a lock file cannot be made.
    init(on paths: [String]) throws {
        locks = try paths.map { path in
            guard let lock = try FileLock(path + ".lock") else { throw Trouble.ofAnotherDaemon(path) }
            // The lock says nothing of other programs.
            guard !UnixSocket.hasListener(path) else { throw Trouble.ofAnotherProgram(path) }
            return lock
        }
    }

    /// Why the daemon cannot listen on a socket. Nothing was changed.
    enum Trouble: Reportable, Hashable {
        case ofAnotherDaemon(String)
        case ofAnotherProgram(String)

        var report: ErrorReport {
            switch self {
            case .ofAnotherDaemon(let path):
                ErrorReport(
                    .conflict, "socket-in-use", path, "another buslaned serves \(path)",
                    remedy: "stop the other buslaned, or name another socket with --socket and --admin-socket")
            case .ofAnotherProgram(let path):
                ErrorReport(
                    .conflict, "socket-in-use", path, "another program listens on \(path)",
                    remedy: "name another socket with --socket or --admin-socket")
            }
        }
    }
}

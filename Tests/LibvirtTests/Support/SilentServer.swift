// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc
import Synchronization
import TemporaryFiles

/// A unix socket that takes connections and never answers: a libvirtd that is stopped.
final class SilentServer: Sendable {
    let path = "/tmp/buslane-\(UInt32.random(in: 0 ... .max)).sock"
    private let listener: Int32
    private let accepted = Mutex<[Int32]>([])

    var uri: String { "test+unix:///default?socket=\(path)&mode=direct" }
    /// How many came so far.
    var connections: Int { accepted.withLock { $0.count } }

    init() throws {
        // What the daemon does too: libvirt may write to the socket that was just closed.
        signal(SIGPIPE, SIG_IGN)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let bound = withUnixAddress(path) { bind(listener, $0, $1) }
        guard bound == 0, listen(listener, 8) == 0 else { throw POSIXError(.EADDRINUSE) }
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                accepted.withLock { $0.append(connection) }
            }
        }
    }

    /// Closes every connection, and takes no more.
    func hangUp() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        unlink(path)
        accepted.withLock { list in
            list.forEach { close($0) }
            list = []
        }
    }
}

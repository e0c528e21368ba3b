// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Glibc
import Synchronization

/// libvirt's event loop: one thread of the process, for all its connections and until its end.
///
/// libvirt takes a loop only before the first connection, and answers a server's keep-alive on it: without one the
/// server would drop the connection after half a minute. Callbacks run on this thread, or on one that is in a libvirt
/// call: they must hand on and return.
///
/// The process must ignore SIGPIPE (`signal(SIGPIPE, SIG_IGN)`): libvirt writes to a socket that the server may have
/// closed. That is for the program to do, since it is the whole process that changes.
public final class LibvirtEvents: Sendable {
    /// Starts the loop when first used.
    public static let shared = LibvirtEvents()

    private let failure = Mutex<String?>(nil)

    /// Why there is no loop; nil when it runs.
    public var startFailure: String? { failure.withLock { $0 } }

    private init() {
        // SAFETY: null is allowed; a silent handler takes the place of the one that prints to stderr.
        unsafe virSetErrorFunc(nil, discardError)
        guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else {
            let message = LastError().message
            failure.withLock { $0 = message }
            return
        }
        // A thread of its own, as the loop never returns: it would take one away from a pool for good.
        var thread = pthread_t()
        // SAFETY: the function captures nothing and gets no argument.
        let code = unsafe pthread_create(&thread, nil, runLoop, nil)
        guard code == 0 else {
            failure.withLock { $0 = "no thread for the event loop: error \(code)" }
            return
        }
        pthread_detach(thread)
    }
}

private func discardError(_ userData: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<virError>?) {}

private func runLoop(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    while true {
        // A failing round is rare (poll without memory); the pause keeps it from eating a processor.
        if virEventRunDefaultImpl() < 0 { usleep(100_000) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Glibc
import Synchronization

/// libvirt's event loop: one thread for all connections of the process, until the process ends.
///
/// libvirt accepts an event loop only before the first connection. It answers the server's keep-alive messages on the
/// loop; without a loop the server drops the connection after 30 seconds. Callbacks run on this thread, or on a thread
/// that is in a libvirt call. They must not block.
///
/// The process must ignore SIGPIPE (`signal(SIGPIPE, SIG_IGN)`), because libvirt writes to sockets that the server may
/// have closed. The program does this itself, as it affects the whole process.
public final class LibvirtEvents: Sendable {
    /// The first use starts the loop.
    public static let shared = LibvirtEvents()

    private let failure = Mutex<String?>(nil)

    /// Why the loop did not start; nil when it runs.
    public var startFailure: String? { failure.withLock { $0 } }

    private init() {
        // SAFETY: null is allowed. The silent handler replaces libvirt's handler, which prints to stderr.
        unsafe virSetErrorFunc(nil, discardError)
        guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else {
            let message = LastError().message
            failure.withLock { $0 = message }
            return
        }
        // A dedicated thread: the loop never returns and would block a thread of a pool forever.
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
        // A failure is rare (poll without memory). The pause prevents a busy loop.
        if virEventRunDefaultImpl() < 0 { usleep(100_000) }
    }
}

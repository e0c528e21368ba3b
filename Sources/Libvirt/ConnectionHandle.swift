// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Dispatch
import Glibc
import Synchronization

/// Owner of one open connection to libvirt.
@safe final class ConnectionHandle: Sendable {
    // SAFETY: libvirt documents that a connection may be used by several threads at once.
    nonisolated(unsafe) let raw: virConnectPtr
    private let closing = CloseNotice()

    /// Takes over the reference that `virConnectOpen` gave.
    init(owning raw: virConnectPtr) {
        unsafe self.raw = unsafe raw
        // Drivers without a server (test:///) have neither keep-alive nor a close: both calls may fail.
        _ = unsafe virConnectSetKeepAlive(raw, Self.keepAliveSeconds, Self.keepAliveCount)
        let notice = unsafe Unmanaged.passRetained(closing)
        // SAFETY: the reference is given back by releaseNotice, which libvirt calls once, or below when it never will.
        if unsafe virConnectRegisterCloseCallback(raw, connectionClosed, notice.toOpaque(), releaseNotice) < 0 {
            unsafe notice.release()
        }
    }

    deinit {
        _ = unsafe virConnectUnregisterCloseCallback(raw, connectionClosed)
        // A positive result counts references that domain handles still hold: there are none, each lives in one call.
        _ = unsafe virConnectClose(raw)
    }

    /// A server that stopped answering is noticed after 20 seconds.
    private static let keepAliveSeconds: Int32 = 5
    private static let keepAliveCount: UInt32 = 3

    /// Whether a call on it can work. Clears the thread's last error.
    var isAlive: Bool {
        guard !closing.isSet else { return false }
        // -1: the driver doesn't know; only 0 is a no.
        return unsafe virConnectIsAlive(raw) != 0
    }
}

/// Set by libvirt when the connection closes, on the loop's thread or within a call.
private final class CloseNotice: Sendable {
    private let closed = Atomic(false)
    var isSet: Bool { closed.load(ordering: .acquiring) }
    func set() { closed.store(true, ordering: .releasing) }
}

private func connectionClosed(_ connection: virConnectPtr?, _ reason: Int32, _ opaque: UnsafeMutableRawPointer?) {
    // Nothing else here: a libvirt call would overwrite the error of the call that found the connection closed.
    // SAFETY: the notice that was retained for this registration.
    unsafe opaque.map { unsafe Unmanaged<CloseNotice>.fromOpaque($0).takeUnretainedValue() }?.set()
}

private func releaseNotice(_ opaque: UnsafeMutableRawPointer?) {
    // SAFETY: balances passRetained; libvirt calls this once.
    unsafe opaque.map { unsafe Unmanaged<CloseNotice>.fromOpaque($0).release() }
}

/// One try to open a connection, on a thread of its own: `virConnectOpen` has no time limit, and never returns from a
/// libvirtd that is stopped.
final class OpenAttempt: Sendable {
    private let outcome = Mutex<Result<ConnectionHandle, LibvirtError>?>(nil)
    private let done = DispatchSemaphore(value: 0)
    private let uri: String

    init(uri: String) {
        self.uri = uri
        if let failure = LibvirtEvents.shared.startFailure {
            finish(.failure(.unreachable(uri: uri, reason: failure)))
            return
        }
        var thread = pthread_t()
        let attempt = unsafe Unmanaged.passRetained(self)
        // SAFETY: the thread takes over the reference; without a thread it is given back here.
        let code = unsafe pthread_create(&thread, nil, runAttempt, attempt.toOpaque())
        guard code == 0 else {
            unsafe attempt.release()
            finish(.failure(.unreachable(uri: uri, reason: "no thread to connect on: error \(code)")))
            return
        }
        pthread_detach(thread)
    }

    /// Blocks the calling thread.
    ///
    /// - Returns: nil when the time is over. The attempt goes on and can be waited for again.
    func wait(_ duration: Duration) -> Result<ConnectionHandle, LibvirtError>? {
        let (seconds, attoseconds) = duration.components
        let limit = DispatchTime.now() + .seconds(Int(seconds)) + .nanoseconds(Int(attoseconds / 1_000_000_000))
        if done.wait(timeout: limit) == .success { done.signal() }
        return outcome.withLock { $0 }
    }

    private func finish(_ result: Result<ConnectionHandle, LibvirtError>) {
        outcome.withLock { $0 = result }
        done.signal()
    }

    fileprivate func run() {
        // SAFETY: a null is an error of this thread, copied at once; a connection gets its owner.
        guard let raw = unsafe virConnectOpen(uri) else {
            finish(.failure(.unreachable(uri: uri, reason: LastError().message)))
            return
        }
        finish(.success(unsafe ConnectionHandle(owning: raw)))
    }
}

private func runAttempt(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: the reference that init passed; nobody else takes it.
    unsafe argument.map { unsafe Unmanaged<OpenAttempt>.fromOpaque($0).takeRetainedValue() }?.run()
    return nil
}

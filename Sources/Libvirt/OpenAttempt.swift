// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Dispatch
import Glibc
import Synchronization

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
        if done.wait(timeout: DispatchTime(after: duration)) == .success { done.signal() }
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

// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Dispatch
import Glibc
import Synchronization

/// One attempt to open a connection, on its own thread. `virConnectOpen` has no time limit, and does not return while
/// libvirtd is stopped.
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
        // SAFETY: the thread takes over the reference; if there is no thread, it is released here.
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
    /// - Returns: nil when the time is over. The attempt continues, and this can be called again.
    func wait(_ duration: Duration) -> Result<ConnectionHandle, LibvirtError>? {
        if done.wait(timeout: DispatchTime(after: duration)) == .success { done.signal() }
        return outcome.withLock { $0 }
    }

    private func finish(_ result: Result<ConnectionHandle, LibvirtError>) {
        outcome.withLock { $0 = result }
        done.signal()
    }

    fileprivate func run() {
        // SAFETY: null means an error of this thread, which is copied at once; a connection is passed to its owner.
        guard let raw = unsafe virConnectOpen(uri) else {
            finish(.failure(.unreachable(uri: uri, reason: LastError().message)))
            return
        }
        finish(.success(unsafe ConnectionHandle(owning: raw)))
    }
}

private func runAttempt(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: the reference that init passed; it is taken only here.
    unsafe argument.map { unsafe Unmanaged<OpenAttempt>.fromOpaque($0).takeRetainedValue() }?.run()
    return nil
}

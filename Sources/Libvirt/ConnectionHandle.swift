// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Synchronization

/// Owner of one open connection to libvirt.
@safe final class ConnectionHandle: Sendable {
    // SAFETY: libvirt documents that a connection may be used by several threads at once.
    nonisolated(unsafe) let raw: virConnectPtr
    private let closing = CloseNotice()
    private let registrations = Mutex<[Int32]>([])

    /// Takes over the reference that `virConnectOpen` gave.
    init(owning raw: virConnectPtr) {
        unsafe self.raw = unsafe raw
        // Drivers without a server (test:///) have neither keep-alive nor a close: both calls may fail.
        _ = unsafe virConnectSetKeepAlive(raw, Self.keepAliveSeconds, Self.keepAliveCount)
        let notice = unsafe Unmanaged.passRetained(closing)
        // The test driver takes the registration, forgets it and never calls releaseNotice: the notice leaks there.
        // SAFETY: the reference is released by releaseNotice, which libvirt calls once, or below after an error.
        if unsafe virConnectRegisterCloseCallback(raw, connectionClosed, notice.toOpaque(), releaseNotice) < 0 {
            unsafe notice.release()
        }
    }

    deinit {
        // Registrations hold references to the connection, which would stay open.
        for id in registrations.withLock({ $0 }) { _ = unsafe virConnectDomainEventDeregisterAny(raw, id) }
        closing.set()
        _ = unsafe virConnectUnregisterCloseCallback(raw, connectionClosed)
        // A positive result is the number of other references. There are none: a domain handle lives for one call.
        _ = unsafe virConnectClose(raw)
    }

    /// libvirt closes the connection when the server has not answered for 20 seconds.
    private static let keepAliveSeconds: Int32 = 5
    private static let keepAliveCount: UInt32 = 3

    /// Whether calls can succeed. Clears the thread's last libvirt error.
    var isAlive: Bool {
        guard !closing.isSet else { return false }
        // Only 0 means closed; -1 means that the driver does not know.
        return unsafe virConnectIsAlive(raw) != 0
    }
}

extension ConnectionHandle {
    /// Domain events from now on. The stream ends with the connection.
    ///
    /// - Returns: nil on failure; libvirt's last error on this thread has the reason.
    func events() -> AsyncStream<DomainEvent>? {
        let (stream, continuation) = AsyncStream<DomainEvent>.makeStream()
        let (ids, isComplete) = unsafe EventSink(continuation).register(on: raw)
        registrations.withLock { $0 += ids }
        guard isComplete else { return nil }
        closing.end(continuation)
        return stream
    }
}

/// Records that the connection closed. libvirt sets it on the event loop's thread or within a call; the connection's
/// owner sets it in `deinit`.
private final class CloseNotice: Sendable {
    private struct State {
        var isClosed = false
        var streams: [AsyncStream<DomainEvent>.Continuation] = []
    }

    private let state = Mutex(State())

    var isSet: Bool { state.withLock { $0.isClosed } }

    func set() {
        let streams = state.withLock { state in
            state.isClosed = true
            defer { state.streams = [] }
            return state.streams
        }
        // Outside the lock: ending a stream runs the consumers' termination handlers.
        for stream in streams { stream.finish() }
    }

    /// Ends this stream when the connection closes.
    func end(_ stream: AsyncStream<DomainEvent>.Continuation) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.streams.append(stream) }
            return state.isClosed
        }
        if isClosed { stream.finish() }
    }
}

private func connectionClosed(_ connection: virConnectPtr?, _ reason: Int32, _ opaque: UnsafeMutableRawPointer?) {
    // No libvirt call here: it would overwrite the error of the call that found the connection closed.
    // SAFETY: the notice that was retained for this registration.
    unsafe opaque.map { unsafe Unmanaged<CloseNotice>.fromOpaque($0).takeUnretainedValue() }?.set()
}

private func releaseNotice(_ opaque: UnsafeMutableRawPointer?) {
    // SAFETY: balances passRetained; libvirt calls this once.
    unsafe opaque.map { unsafe Unmanaged<CloseNotice>.fromOpaque($0).release() }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import CLibvirt
import Dispatch
import Synchronization

/// One connection to libvirt with its own dispatch queue. Its thread may block; threads of Swift's pool must not.
///
/// The connection opens at the first call, and again after a loss.
final class LibvirtWorker: Sendable {
    private let uri: String
    private let openTimeout: Duration
    private let queue = DispatchQueue(label: "libvirt")
    private let calls = BlockingCalls()
    private let state = Mutex(State())

    private struct State {
        var handle: ConnectionHandle?
        var attempt: OpenAttempt?
    }

    init(uri: String, openTimeout: Duration) {
        self.uri = uri
        self.openTimeout = openTimeout
    }

    /// Runs `body` on the open connection, after all earlier calls of this worker.
    ///
    /// libvirt keeps errors per thread, so `body` makes one call and reads its error.
    ///
    /// - Parameters:
    ///   - limit: how long the caller waits, for its turn and for libvirt together. A call that has begun continues.
    ///   - whenOver: called on the worker's thread when the worker is free again.
    func run<Value: Sendable>(
        within limit: Duration, _ body: @escaping @Sendable (ConnectionHandle) throws(LibvirtError) -> Value,
        whenOver: @escaping @Sendable () -> Void
    ) async throws(LibvirtError) -> Value {
        try await calls.run(
            on: queue, within: limit, late: LibvirtError.noAnswer(uri: uri, after: limit), whenOver: whenOver
        ) { () throws(LibvirtError) in try self.call(body) }
    }

    /// Closes the connection. The next call opens a new one.
    func close() { state.withLock { $0.handle = nil } }

    /// Closes the connection if it broke.
    private func call<Value>(
        _ body: (ConnectionHandle) throws(LibvirtError) -> Value
    ) throws(LibvirtError) -> Value {
        let connection = try open()
        do {
            return try body(connection)
        } catch {
            // `isAlive` clears libvirt's error, but `body` has already copied it.
            guard !connection.isAlive else { throw error }
            close()
            guard case .refused(_, _, let message) = error else { throw error }
            throw .connectionLost(reason: message)
        }
    }

    private func open() throws(LibvirtError) -> ConnectionHandle {
        let (handle, earlier) = state.withLock { ($0.handle, $0.attempt) }
        if let handle, handle.isAlive { return handle }
        // Wait again for an attempt that hangs, instead of starting another thread for each call.
        let attempt = earlier ?? OpenAttempt(uri: uri)
        let result = attempt.wait(openTimeout)
        state.withLock {
            $0.handle = try? result?.get()
            $0.attempt = result == nil ? attempt : nil
        }
        guard let result else { throw .noAnswer(uri: uri, after: openTimeout) }
        return try result.get()
    }
}

/// The workers of a connection. Each call takes a free one, so that no call waits for another.
final class LibvirtWorkers: Sendable {
    private struct Entry {
        let worker: LibvirtWorker
        var load = 0
    }

    private let limit: Int
    private let make: @Sendable () -> LibvirtWorker
    private let entries: Mutex<[Entry]>

    /// - Parameter limit: the largest number of workers. When all are busy, calls queue.
    init(limit: Int, make: @escaping @Sendable () -> LibvirtWorker) {
        self.limit = limit
        self.make = make
        entries = Mutex([Entry(worker: make())])
    }

    /// The first worker, busy or not.
    var first: LibvirtWorker { entries.withLock { $0[0].worker } }

    func run<Value: Sendable>(
        within limit: Duration, _ body: @escaping @Sendable (ConnectionHandle) throws(LibvirtError) -> Value
    ) async throws(LibvirtError) -> Value {
        let (index, worker) = take()
        return try await worker.run(within: limit, body) { self.entries.withLock { $0[index].load -= 1 } }
    }

    func close() { for entry in entries.withLock(\.self) { entry.worker.close() } }

    /// The first of the least loaded workers: its connection is most likely open.
    private func take() -> (index: Int, worker: LibvirtWorker) {
        entries.withLock { entries in
            var index = entries.indices.min { entries[$0].load < entries[$1].load } ?? 0
            if entries[index].load > 0, entries.count < limit {
                index = entries.count
                entries.append(Entry(worker: make()))
            }
            entries[index].load += 1
            return (index, entries[index].worker)
        }
    }
}

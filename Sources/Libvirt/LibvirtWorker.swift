// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import CLibvirt
import Dispatch
import Synchronization

/// One connection to libvirt with a queue of its own, whose thread may block: those of Swift's pool must not.
///
/// Opened when first needed, and again when it was lost.
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

    /// Runs `body` on the open connection, after what this line was given before.
    ///
    /// libvirt keeps errors by thread: `body` is one call and the reading of its error.
    ///
    /// - Parameters:
    ///   - limit: how long the caller waits, for its turn and for libvirt together. A call that has begun goes on.
    ///   - whenOver: called when the line is free again, from the line's thread.
    func run<Value: Sendable>(
        within limit: Duration, _ body: @escaping @Sendable (ConnectionHandle) throws(LibvirtError) -> Value,
        whenOver: @escaping @Sendable () -> Void
    ) async throws(LibvirtError) -> Value {
        try await calls.run(
            on: queue, within: limit, late: LibvirtError.noAnswer(uri: uri, after: limit), whenOver: whenOver
        ) { () throws(LibvirtError) in try self.call(body) }
    }

    /// Gives the connection back; the next call opens another.
    func close() { state.withLock { $0.handle = nil } }

    /// Forgets the connection if it broke.
    private func call<Value>(
        _ body: (ConnectionHandle) throws(LibvirtError) -> Value
    ) throws(LibvirtError) -> Value {
        let connection = try open()
        do {
            return try body(connection)
        } catch {
            // The body has copied its error: asking whether the connection lives clears libvirt's.
            guard !connection.isAlive else { throw error }
            close()
            guard case .refused(_, _, let message) = error else { throw error }
            throw .connectionLost(reason: message)
        }
    }

    private func open() throws(LibvirtError) -> ConnectionHandle {
        let (handle, earlier) = state.withLock { ($0.handle, $0.attempt) }
        if let handle, handle.isAlive { return handle }
        // An attempt that hung is waited for again, instead of one more thread with every call.
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

/// The lines of a connection: a call takes one that is free, so that none waits for another's.
final class LibvirtLines: Sendable {
    private struct Line {
        let line: LibvirtWorker
        var load = 0
    }

    private let limit: Int
    private let make: @Sendable () -> LibvirtWorker
    private let lines: Mutex<[Line]>

    /// - Parameter limit: how many there are at most; more calls than that take turns.
    init(limit: Int, make: @escaping @Sendable () -> LibvirtWorker) {
        self.limit = limit
        self.make = make
        lines = Mutex([Line(line: make())])
    }

    /// The first line, whatever it is used for.
    var first: LibvirtWorker { lines.withLock { $0[0].line } }

    func run<Value: Sendable>(
        within limit: Duration, _ body: @escaping @Sendable (ConnectionHandle) throws(LibvirtError) -> Value
    ) async throws(LibvirtError) -> Value {
        let (index, line) = take()
        return try await line.run(within: limit, body) { self.lines.withLock { $0[index].load -= 1 } }
    }

    func close() { for line in lines.withLock(\.self) { line.line.close() } }

    /// The one with the least to do; the first of them, whose connection is open most likely.
    private func take() -> (index: Int, line: LibvirtWorker) {
        lines.withLock { lines in
            var index = lines.indices.min { lines[$0].load < lines[$1].load } ?? 0
            if lines[index].load > 0, lines.count < limit {
                index = lines.count
                lines.append(Line(line: make()))
            }
            lines[index].load += 1
            return (index, lines[index].line)
        }
    }
}

extension DispatchTime {
    init(after duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}

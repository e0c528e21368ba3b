// SPDX-License-Identifier: GPL-3.0-or-later
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// HTTP/1 connections, each of which is closed by somebody.
///
/// A client can connect in the moment in which the server ends. The server then drops its connection unserved, and NIO ends
/// the process for that: `NIOAsyncWriter` wants to be finished before it is deallocated.
struct Connections: ServerChildChannel {
    let http: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        http.setup(channel: channel, logger: logger).map(Connection.init)
    }

    func handle(value: Connection, logger: Logger) async {
        await http.handle(value: value.take(), logger: logger)
    }

    /// A connection that is served, or closed when it is dropped.
    final class Connection: ServerChildChannelValue {
        private let stream: HTTP1Channel.Value
        private let isServed = Mutex(false)

        init(_ stream: HTTP1Channel.Value) { self.stream = stream }

        var channel: any Channel { stream.channel }

        func take() -> HTTP1Channel.Value {
            isServed.withLock { $0 = true }
            return stream
        }

        deinit {
            guard !isServed.withLock(\.self) else { return }
            Task { [stream] in try? await stream.executeThenClose { _, _ in } }
        }
    }
}

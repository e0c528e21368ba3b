// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Hummingbird
import NIOCore
import Synchronization
import SystemServices

/// A request with the process that sent it.
struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// What the request takes of the daemon; nil for a user that has no limits.
    var share: ClientShare?
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// - Throws: when the connection is closed.
    func peer() throws -> PeerCredentials {
        guard let peer = ConnectionPeers.peer(of: channel) else { throw ChannelError.ioOnClosedChannel }
        return peer
    }

    /// Runs the work, and cancels it when the client disconnects.
    ///
    /// A client that only finished sending still waits for its answer.
    ///
    /// - Throws: what the work throws; `ChannelError` when the client disconnected.
    func whileConnected(_ work: @escaping @Sendable () async throws -> Void) async throws {
        let (connected, disconnect) = AsyncStream.makeStream(of: Void.self)
        channel.closeFuture.whenComplete { _ in disconnect.finish() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(operation: work)
            group.addTask {
                for await _ in connected {}
                throw ChannelError.ioOnClosedChannel
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Whether the client has disconnected, so that no reply can reach it.
    var isAbandoned: Bool {
        get async throws {
            guard channel.isActive else { return true }
            return try await channel.eventLoop.submit { [channel] in
                try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                    UnixSocket.hasHungUp($0)
                } ?? false
            }.get()
        }
    }
}

/// The process at the other end of each open connection. Read once, when the client connects, on the connection's event
/// loop.
final class ConnectionPeers: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private static let peers = Mutex<[ObjectIdentifier: PeerCredentials]>([:])

    static func peer(of connection: any Channel) -> PeerCredentials? {
        peers.withLock { $0[ObjectIdentifier(connection)] }
    }

    static func note(_ peer: PeerCredentials, of connection: ObjectIdentifier) {
        peers.withLock { $0[connection] = peer }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let socket = context.channel as? any SocketOptionProvider else { return }
        let connection = ObjectIdentifier(context.channel)
        let peer: EventLoopFuture<PeerCredentials> = socket.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        peer.whenSuccess { peer in Self.note(peer, of: connection) }
        context.channel.closeFuture.whenComplete { _ in Self.peers.withLock { $0[connection] = nil } }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Hummingbird
import NIOCore
import Synchronization
import SystemServices

/// A request with the process that sent it.
struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
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

// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import Hummingbird
import Ledger
import Logging
import NIOCore
import Synchronization
import SystemServices

/// The process at the other end of a unix socket, as the kernel saw it when it connected.
///
/// Source: unix(7), SO_PEERCRED; the layout is `struct ucred`.
struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0

    var actor: AuditEntry.Actor { .init(uid: Int(uid), pid: Int(pid)) }

    /// With the names that the user database has now.
    ///
    /// Source: getpwuid_r(3), getgrouplist(3), getgrgid_r(3).
    var caller: Caller {
        if uid == 0 { return .root }
        var groups = [gid]
        let user = UserDatabase.user(uid)
        if let user { groups += UserDatabase.groups(of: user.name, primary: user.group) }
        return Caller(
            uid: Int(uid), user: user?.name, groups: Set(groups.compactMap(UserDatabase.name(ofGroup:))))
    }
}

/// A request that knows who asks.
struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// - Throws: when the connection is gone already.
    func peer() throws -> PeerCredentials {
        guard let peer = ConnectionPeers.peer(of: channel) else { throw ChannelError.ioOnClosedChannel }
        return peer
    }

    /// Whether nobody is left at the other end who could read an answer.
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

/// Who is at the other end of each connection that is open: asked once, when it is made, on the thread that reads it.
final class ConnectionPeers: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private static let peers = Mutex<[ObjectIdentifier: PeerCredentials]>([:])

    static func peer(of connection: any Channel) -> PeerCredentials? {
        peers.withLock { $0[ObjectIdentifier(connection)] }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let socket = context.channel as? any SocketOptionProvider else { return }
        let connection = ObjectIdentifier(context.channel)
        let peer: EventLoopFuture<PeerCredentials> = socket.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        peer.whenSuccess { peer in Self.peers.withLock { $0[connection] = peer } }
        context.channel.closeFuture.whenComplete { _ in Self.peers.withLock { $0[connection] = nil } }
    }
}

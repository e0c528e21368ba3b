// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import SystemServices

/// The daemon's two sockets, with the same routes: one for root, and one for a group.
///
/// Each has an accept queue, threads and connections of its own, and the work of root's requests goes first. So clients
/// of the group cannot keep out root, its commands and libvirt's hook.
struct Doors: Service {
    let root: Door
    let members: Door
    /// Called once, when both are open.
    let opened: @Sendable () -> Void

    func run() async throws {
        let (rootIsOpen, open) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { doors in
            doors.addTask(priority: .high) {
                defer { open.finish() }
                try await root.run { open.finish() }
            }
            for await _ in rootIsOpen {}
            doors.addTask(priority: .medium) { try await members.run(opened) }
            for try await _ in doors {}
        }
    }
}

/// One of the daemon's sockets, and the server behind it.
struct Door: Sendable {
    let path: String
    let capacity: Capacity
    /// Who may connect besides root; nil for nobody.
    let group: String?
    let responder: RouterResponder<PeerContext>
    let limits: ClientLimits
    /// For a whole request to arrive, with its body. Root's requests have no such limit.
    var requestPatience = TimeAmount.seconds(10)
    let logger: Logger

    struct Capacity: Sendable {
        /// How many clients can be connected at once; others wait.
        let connections: Int
        let threads: any EventLoopGroup

        /// One thread, which serves no other socket.
        static let forRoot = Capacity(
            connections: min(1_000, descriptors / 16), threads: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        static let forMembers = Capacity(
            connections: min(12_000, descriptors / 4 * 3), threads: MultiThreadedEventLoopGroup.singleton)

        /// How many files the daemon can have open. The connections leave some for its own work.
        private static let descriptors = UnixSocket.descriptorLimit
    }

    /// How long a client can be silent between requests or within one, before the daemon disconnects it.
    private static let patience = TimeAmount.seconds(5)
    /// The memory that a client's unfinished head can take.
    private static let heads = HTTP1Channel.Configuration.DecoderConfiguration(
        maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 100)
    /// How many clients can wait to be accepted.
    private static let backlog = 1_024

    /// Serves until the daemon stops.
    ///
    /// - Parameter opened: called when clients can connect.
    func run(_ opened: @escaping @Sendable () -> Void) async throws {
        let file = SocketFile(path: path, boundAs: SocketPath.bound(for: path))
        defer { file.remove() }
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionPeers(), ConnectionLimits(limits, patience: requestPatience)],
            idleTimeout: Self.patience, httpDecoderConfiguration: Self.heads)
        try await Application(
            responder: responder,
            server: HTTPServerBuilder { Connections(http: HTTP1Channel(responder: $0, configuration: http)) },
            configuration: .init(
                address: .unixDomainSocket(path: file.bound), serverName: "buslaned", backlog: Self.backlog,
                availableConnectionsDelegate: MaximumAvailableConnections(capacity.connections)),
            onServerRunning: { server in
                admit(file)
                // Without descriptors the system takes no connection; that passes, and must not end the server.
                try? await server.eventLoop.submit {
                    try server.pipeline.syncOperations.addHandler(
                        AcceptBackoffHandler(shouldForwardIOErrorCaught: false), position: .first)
                }.get()
                logger.notice("serving", metadata: ["socket": "\(path)"])
                opened()
            },
            eventLoopGroupProvider: .shared(capacity.threads), logger: logger.quieter
        ).run()
    }

    /// Lets clients in: none finds the socket before it has its group and mode.
    private func admit(_ file: SocketFile) {
        let id = group.flatMap(UserDatabase.group(named:))
        if let group, id == nil {
            logger.warning("unknown group: only root can use the socket", metadata: ["group": "\(group)"])
        }
        let problem = UnixSocket.open(file.bound, to: id)
        if problem != 0 {
            logger.warning("cannot set who may use the socket", metadata: ["socket": "\(path)", "errno": "\(problem)"])
        }
        let obstacle = file.publish()
        guard obstacle != 0 else { return }
        logger.error("cannot put the socket in its place", metadata: ["socket": "\(path)", "errno": "\(obstacle)"])
    }
}

extension Logger {
    /// For the libraries: their `info` messages repeat the daemon's own.
    var quieter: Logger {
        var copy = self
        copy.logLevel = max(logLevel, .warning)
        return copy
    }
}

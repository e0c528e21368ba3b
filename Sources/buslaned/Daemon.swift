// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ConfigurationFiles
import ControlAPI
import Foundation
import Glibc
import HostIO
import HostModel
import Hummingbird
import HummingbirdCore
import Ledger
import Libvirt
import Logging
import NIOCore
import ServiceLifecycle
import SystemServices

/// The daemon: puts the parts together, settles what an earlier run left, and serves until it is told to stop.
@main
struct Daemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buslaned",
        abstract: "Manages the PCI functions that this host hands to its guests.",
        version: Version.current)

    @Option(help: "Folder of buslane.yaml and conf.d/.")
    var configurationDirectory = "/etc/buslane"

    @Option(help: "The ledger's file.")
    var ledger = "/var/lib/buslane/ledger.sqlite"

    @Option(help: "The unix socket to serve on.")
    var socket = SocketPath.standard

    @Option(help: "The group that may use the socket.")
    var socketGroup = "buslane"

    @Option(help: "Read and write the host below this folder.")
    var hostRoot = "/"

    @Option(help: "The libvirt to put devices into; by itself virtqemud, or libvirtd where there is none.")
    var libvirtURI = "qemu:///system?mode=auto"

    @Option(help: "Seconds after the host's start by which every declared card has its driver.")
    var latestDriver = 60

    @Option(help: "Seconds that a domain or unit may be gone until what it has is given back.")
    var ownerGrace = 300

    /// How many may be connected at once; others wait until one leaves. Below what the unit allows of files.
    private static let connectionLimit = 12_000
    /// How long a client may say nothing between requests, or in the middle of one.
    private static let clientPatience = TimeAmount.seconds(5)

    @Option(help: "debug, info, notice, warning or error.")
    var logLevel = "info"

    func run() async throws {
        // A server that goes away in the middle of a call must be an error there, not the end of the daemon.
        signal(SIGPIPE, SIG_IGN)
        // The socket and the ledger are for root and the group, from the moment they exist.
        umask(0o007)
        var logger = Logger(label: "buslaned") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info

        let file = LedgerFile(path: ledger)
        let (ledger, loss) = try file.open()
        let paths = HostPaths(root: hostRoot)
        let host = try KernelHost(paths: paths, logger: logger)
        let parts = Wiring(
            host: host, ledger: ledger, configuration: ConfigurationFolder(directory: configurationDirectory),
            boot: Boot(identity: try host.snapshot().host),
            executor: Executor(host: host, ledger: ledger, logger: logger, patience: \.patience), logger: logger)
        let spool = HookSpool(
            folder: URL(filePath: self.ledger).deletingLastPathComponent().path + "/spool", calls: parts.hooks,
            logger: logger)
        let connection = LibvirtConnection(uri: libvirtURI)
        let domains = DomainParts(libvirt: connection, daemon: parts)
        let processes = Processes(paths: paths)
        let router = Routes.router(of: [
            HealthRoutes(problems: parts.problems),
            InventoryRoutes(inventory: InventoryText(host: host, ledger: ledger)),
            ClaimRoutes(
                ledger: ledger, pools: parts.pools,
                owners: OwnerNames(ledger: ledger, libvirt: connection, processes: processes),
                permissions: parts.permissions, candidates: parts.candidates, allocator: parts.allocator,
                release: parts.release, expiry: parts.expiry),
            PlanRoutes(configuration: parts.configuration, permissions: parts.permissions, apply: parts.apply),
            QuarantineRoutes(permissions: parts.permissions, quarantine: parts.quarantine),
            DomainRoutes(
                permissions: parts.permissions, binder: domains.binder, guests: domains.guests,
                pictures: domains.pictures, troubles: domains.troubles),
            EventRoutes(ledger: ledger),
            LedgerRoutes(ledger: ledger, file: file, permissions: parts.permissions, audit: parts.audit),
            HookRoutes(permissions: parts.permissions, spool: spool, calls: parts.hooks, problems: parts.problems),
        ])
        let server = Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionPeers()], idleTimeout: Self.clientPatience)),
            configuration: .init(
                address: .unixDomainSocket(path: socket), serverName: "buslaned",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
            onServerRunning: { [socket, socketGroup, logger] _ in
                Self.open(socket, to: socketGroup, logger: logger)
                logger.notice("serving", metadata: ["socket": "\(socket)", "version": "\(Version.current)"])
                SystemdNotifier.ready(problems: parts.problems.lines)
            },
            logger: logger.quieter)
        let events = HostEventService(host: host, logger: logger)
        let drift = DriftService(drift: parts.drift, cards: parts.cardState, feed: host.feed)
        let lives = LifeService(expiry: parts.expiry, cards: parts.cardState)
        let owners = OwnerService(
            owners: parts.owners, cards: parts.cardState, libvirt: connection, processes: processes,
            grace: ownerGrace)
        let libvirt = LibvirtService(
            libvirt: connection, feed: domains.access.feed, isReady: { parts.cardState.hasRestored }, logger: logger)
        let bindings = BindingService(
            access: domains.access, binder: domains.binder, seen: parts.guests, logger: logger)
        let changes = DeviceChangeService(
            unfinished: domains.unfinished, ledger: ledger, feed: domains.access.feed, logger: logger)
        let spooled = SpoolService(spool: spool, use: parts.use, cards: parts.cardState)
        let rebuild = RebuildService(
            access: domains.access, lostOwners: parts.lostOwners, cards: parts.cardState, logger: logger)
        let serving = ServingService(
            lostOwners: parts.lostOwners, recovery: parts.recovery, bootRestore: parts.bootRestore, drift: parts.drift,
            cards: parts.cardState, file: file, loss: loss, spool: spool, server: server,
            patience: .seconds(latestDriver))
        // Stopped in reverse: first nobody may ask any more, then nothing more is listened to.
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: events), .init(service: drift), .init(service: lives), .init(service: owners),
                    .init(service: spooled), .init(service: bindings),
                    .init(service: changes), .init(service: libvirt),
                    .init(service: rebuild), .init(service: serving),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger.quieter))
        try await group.run()
        SystemdNotifier.stopping()
        UnixSocket.remove(socket)
        logger.notice("stopped")
    }

    private static func open(_ socket: String, to group: String, logger: Logger) {
        guard let id = UserDatabase.group(named: group) else {
            logger.warning("no such group: only root can use the socket", metadata: ["group": "\(group)"])
            return
        }
        let problem = UnixSocket.open(socket, to: id)
        guard problem != 0 else { return }
        logger.warning(
            "cannot change the group of the socket", metadata: ["group": "\(group)", "errno": "\(problem)"])
    }
}

extension Logger {
    /// For the libraries: what they tell at `info` is ours to tell.
    fileprivate var quieter: Logger {
        var copy = self
        copy.logLevel = max(logLevel, .warning)
        return copy
    }
}

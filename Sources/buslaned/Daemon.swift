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

/// The daemon: reads its options, builds its parts, and runs its services until systemd stops it.
@main
struct Daemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buslaned",
        abstract: "Manages the PCI functions that this host assigns to its guests.",
        version: Version.current)

    @Option(help: "Folder of buslane.yaml and conf.d/.")
    var configurationDirectory = "/etc/buslane"

    @Option(help: "The file of the ledger.")
    var ledger = "/var/lib/buslane/ledger.sqlite"

    @Option(help: "The unix socket to listen on.")
    var socket = SocketPath.standard

    @Option(help: "The group that may use the socket.")
    var socketGroup = "buslane"

    @Option(help: "Read and write the host below this folder.")
    var hostRoot = "/"

    @Option(help: "URI of libvirt. The default connects to virtqemud, or to libvirtd if there is no virtqemud.")
    var libvirtURI = "qemu:///system?mode=auto"

    @Option(help: "How many seconds after the host's start to wait for the drivers of declared PFs.")
    var latestDriver = 60

    @Option(help: "Release the claims of a domain or unit that has been gone for this many seconds.")
    var ownerGrace = 300

    @Option(help: "Keep this many entries of the audit trail in the ledger; older ones are moved to files beside it.")
    var auditEntries = AuditArchive.Limits().entries

    @Option(help: "Move entries of the audit trail that are older than this many days to files beside the ledger.")
    var auditDays = AuditArchive.Limits().age / 86_400

    /// How many clients can be connected at once; others wait. Below the unit's limit of open files.
    private static let connectionLimit = 12_000
    /// How long a client can be silent between requests or within one, before the daemon disconnects it.
    private static let clientPatience = TimeAmount.seconds(5)

    @Option(help: "debug, info, notice, warning or error.")
    var logLevel = "info"

    func run() async throws {
        // libvirt may write to a socket that its server has closed: that must be an error, not the daemon's end.
        signal(SIGPIPE, SIG_IGN)
        // Create the socket and the ledger with access for root and the group only.
        umask(0o007)
        var logger = Logger(label: "buslaned") { PrintableLog(StreamLogHandler.standardError(label: $0)) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info

        let file = LedgerFile(path: ledger)
        let (ledger, loss) = try file.open()
        let paths = HostPaths(root: hostRoot)
        let host = try KernelHost(paths: paths, logger: logger)
        let parts = Wiring(
            host: host, ledger: ledger, configuration: ConfigurationFolder(directory: configurationDirectory),
            boot: Boot(identity: try host.snapshot().host),
            executor: Executor(host: host, ledger: ledger, logger: logger, patience: \.patience), logger: logger)
        let state = URL(filePath: self.ledger).deletingLastPathComponent().path
        let spool = HookSpool(
            folder: state + "/spool", calls: parts.hooks,
            logger: logger)
        let libvirt = LibvirtConnection(uri: libvirtURI)
        let domains = DomainWiring(libvirt: libvirt, daemon: parts)
        let processes = Processes(paths: paths)
        let routes = Routes(
            daemon: parts, domains: domains, inventory: InventoryText(host: host, ledger: ledger),
            owners: OwnerNames(ledger: ledger, libvirt: libvirt, processes: processes), file: file, spool: spool)
        var limits = AuditArchive.Limits()
        (limits.entries, limits.age) = (max(100, auditEntries), max(1, auditDays) * 86_400)
        var services = ServiceList(
            daemon: parts, domains: domains, host: host, libvirt: libvirt, processes: processes, spool: spool,
            archive: AuditArchive(of: ledger, in: state + "/audit", limits: limits), ownerGrace: ownerGrace,
            logger: logger
        ).make()
        services.append(
            ServingService(
                lostOwners: parts.lostOwners, recovery: parts.cards.recovery, bootRestore: parts.cards.bootRestore,
                drift: parts.cards.drift, cards: parts.cards.state, file: file, loss: loss, spool: spool,
                server: server(of: routes.router, parts.cards.problems, logger: logger),
                patience: .seconds(latestDriver)))
        // Stopped in reverse: the daemon ends serving before it ends listening to anything.
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger.quieter))
        try await group.run()
        SystemdNotifier.stopping()
        UnixSocket.remove(socket)
        logger.notice("stopped")
    }

    private func server(of router: Router<PeerContext>, _ problems: HostProblems, logger: Logger) -> some Service {
        Application(
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
                SystemdNotifier.ready(problems: problems.lines)
            },
            logger: logger.quieter)
    }

    private static func open(_ socket: String, to group: String, logger: Logger) {
        guard let id = UserDatabase.group(named: group) else {
            logger.warning("unknown group: only root can use the socket", metadata: ["group": "\(group)"])
            return
        }
        let problem = UnixSocket.open(socket, to: id)
        guard problem != 0 else { return }
        logger.warning(
            "cannot change the group of the socket", metadata: ["group": "\(group)", "errno": "\(problem)"])
    }
}

extension Logger {
    /// For the libraries: their `info` messages repeat the daemon's own.
    fileprivate var quieter: Logger {
        var copy = self
        copy.logLevel = max(logLevel, .warning)
        return copy
    }
}

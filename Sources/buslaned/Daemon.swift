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

    @Option(help: "Another one, which only root can use. The default is admin.sock beside the first.")
    var adminSocket: String?

    @Option(help: "The group that may use the socket.")
    var socketGroup = "buslane"

    @Option(help: "Read and write the host below this folder.")
    var hostRoot = "/"

    @Option(help: "URI of libvirt. The default connects to virtqemud, or to libvirtd if there is no virtqemud.")
    var libvirtURI = "qemu:///system?mode=auto"

    @Option(help: "How many seconds after the host's start to wait for the drivers of declared PFs.")
    var latestDriver = 60

    @Flag(
        help: """
            Take functions that are on VFIO already as free, if this is the first start on this host. Without it they are \
            in quarantine. No effect once there is a ledger or a trace of one.
            """)
    var firstStart = false

    @Option(help: "Release the claims of a domain or unit that has been gone for this many seconds.")
    var ownerGrace = 300

    @Option(help: "How many records of ended claims to keep at most.")
    var endedClaims = EndedClaims().count

    @Option(help: "How many days to keep the record of an ended claim.")
    var endedClaimDays = EndedClaims().age / 86400

    @Option(help: "Keep this many entries of the audit trail in the ledger; older ones are moved to files beside it.")
    var auditEntries = AuditArchive.Limits().entries

    @Option(help: "Move entries of the audit trail that are older than this many days to files beside the ledger.")
    var auditDays = AuditArchive.Limits().age / 86_400

    @Option(help: "debug, info, notice, warning or error.")
    var logLevel = "info"

    func run() async throws {
        Self.ignoreSignals()
        // Create the socket and the ledger with access for root and the group only.
        umask(0o007)
        var logger = Logger(label: "buslaned") { PrintableLog(StreamLogHandler.standardError(label: $0)) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info

        let sockets = try SocketLock(on: [rootSocket, socket])
        defer { withExtendedLifetime(sockets) {} }
        let state = URL(filePath: ledger).deletingLastPathComponent().path
        let spoolFolder = state + "/spool"
        let file = LedgerFile(path: ledger, traces: [spoolFolder, socket])
        let (ledger, past) = try file.open()
        let paths = HostPaths(root: hostRoot)
        let host = try KernelHost(paths: paths, logger: logger)
        let parts = Wiring(
            host: host, ledger: ledger, configuration: ConfigurationFolder(directory: configurationDirectory),
            boot: Boot(identity: try host.snapshot().host),
            executor: Executor(host: host, ledger: ledger, logger: logger, patience: \.patience), logger: logger)
        let spool = HookSpool(
            folder: spoolFolder, calls: parts.hooks, logger: logger)
        let libvirt = LibvirtConnection(uri: libvirtURI)
        let domains = DomainWiring(libvirt: libvirt, daemon: parts)
        let (processes, limits) = (Processes(paths: paths), ClientLimits())
        let routes = Routes(
            daemon: parts, domains: domains,
            inventory: InventoryText(host: host, ledger: ledger, threads: parts.threads),
            owners: OwnerNames(ledger: ledger, libvirt: libvirt, processes: processes, permissions: parts.permissions),
            file: file, spool: spool, limits: limits)
        var kept = AuditArchive.Limits()
        (kept.entries, kept.age) = (max(100, auditEntries), max(1, auditDays) * 86_400)
        var services = ServiceList(
            daemon: parts, domains: domains, host: host, libvirt: libvirt, processes: processes, spool: spool,
            archive: AuditArchive(of: ledger, in: state + "/audit", limits: kept), ownerGrace: ownerGrace,
            ended: EndedClaims(count: max(0, endedClaims), age: max(0, endedClaimDays) * 86400), logger: logger
        ).make()
        services.append(
            ServingService(
                lostOwners: parts.lostOwners, recovery: parts.cards.recovery, bootRestore: parts.cards.bootRestore,
                drift: parts.cards.drift, cards: parts.cards.state, file: file, ledger: ledger,
                past: firstStart && past == .unknown ? .recorded : past, spool: spool,
                threads: parts.threads.services,
                server: doors(of: routes.router.buildResponder(), limits, parts.cards.problems, logger: logger),
                patience: .seconds(latestDriver)))
        // Stopped in reverse: the daemon ends serving before it ends listening to anything.
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger.quieter))
        try await group.run()
        SystemdNotifier.stopping()
        logger.notice("stopped")
    }

    /// None of them ends the daemon. SIGPIPE: libvirt may write to a socket that its server has closed. SIGHUP: there is
    /// nothing to reload, since the configuration is read where it is used.
    static func ignoreSignals() {
        for number in [SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    private var rootSocket: String { adminSocket ?? SocketPath.root(beside: socket) }

    private func doors(
        of responder: RouterResponder<PeerContext>, _ limits: ClientLimits, _ problems: HostProblems, logger: Logger
    ) -> Doors {
        func door(_ path: String, _ capacity: Door.Capacity, for group: String?) -> Door {
            Door(path: path, capacity: capacity, group: group, responder: responder, limits: limits, logger: logger)
        }
        return Doors(
            root: door(rootSocket, .forRoot, for: nil), members: door(socket, .forMembers, for: socketGroup),
            opened: {
                logger.notice("ready", metadata: ["version": "\(Version.current)"])
                SystemdNotifier.ready(problems: problems.lines)
            })
    }
}

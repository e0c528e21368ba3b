// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import Ledger
import Libvirt
import Logging
import ServiceLifecycle

/// All services but the one that serves, and what each is given.
struct ServiceList {
    let daemon: Wiring
    let domains: DomainWiring
    let host: KernelHost
    let libvirt: LibvirtConnection
    let processes: Processes
    let spool: HookSpool
    let archive: AuditArchive
    /// How long a domain or unit may be gone until what it has is released; in seconds.
    let ownerGrace: Int
    /// The records of ended claims that stay.
    let ended: EndedClaims
    let logger: Logger

    /// Makes them, in the order of their start. Some of them listen from here on.
    func make() -> [any Service] {
        let (access, cards) = (domains.access, daemon.cards)
        let services: [any Service] = [
            HostEventService(host: host, logger: logger),
            DriftService(drift: cards.drift, cards: cards.state, feed: host.feed),
            LifeService(expiry: daemon.expiry, cards: cards.state),
            OwnerService(
                owners: daemon.owners, cards: cards.state, libvirt: libvirt, processes: processes, grace: ownerGrace),
            PruningService(ledger: daemon.ledger, kept: ended, logger: logger),
            TrailService(audit: daemon.audit, archive: archive, logger: logger),
            SpoolService(spool: spool, use: daemon.use, cards: cards.state),
            BindingService(access: access, binder: domains.binder, seen: daemon.guests, logger: logger),
            DeviceChangeService(
                unfinished: domains.unfinished, ledger: daemon.ledger, feed: access.feed, logger: logger),
            LibvirtService(
                libvirt: libvirt, feed: access.feed, isReady: { cards.state.hasRestored }, logger: logger),
            RebuildService(
                access: access, lostOwners: daemon.lostOwners, cards: cards.state, logger: logger),
        ]
        return services.map { ServiceInThreads(service: $0, threads: daemon.threads.services) }
    }
}

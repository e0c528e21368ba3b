// SPDX-License-Identifier: GPL-3.0-or-later

/// The parts that put devices into domains, and what each is given.
struct DomainParts: Sendable {
    let access: DomainAccess
    let troubles: DomainTroubles
    let claims: DomainClaims
    let guests: RunningGuests
    let binder: DomainBinder

    /// - Parameter patience: for a running guest to take or release a device.
    init(
        libvirt: any DomainControl, feed: DomainFeed = DomainFeed(), daemon: Wiring, patience: Duration = .seconds(20)
    ) {
        access = DomainAccess(libvirt: libvirt, feed: feed, lanes: Lanes())
        troubles = DomainTroubles(ledger: daemon.ledger, logger: daemon.logger)
        claims = DomainClaims(
            host: daemon.host, ledger: daemon.ledger, requests: daemon.requests, candidates: daemon.candidates,
            allocator: daemon.allocator, permissions: daemon.permissions)
        guests = RunningGuests(
            access: access, claims: claims, use: daemon.use, readiness: daemon.readiness, release: daemon.release,
            audit: daemon.audit, ledger: daemon.ledger, host: daemon.host, logger: daemon.logger, patience: patience)
        binder = DomainBinder(
            access: access, claims: claims, guests: guests, troubles: troubles, seen: daemon.guests,
            requests: daemon.requests, candidates: daemon.candidates, exchange: daemon.exchange, use: daemon.use,
            release: daemon.release,
            stops: daemon.stopHook, audit: daemon.audit, logger: daemon.logger)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// The parts that put devices into domains, and what each is given.
struct DomainParts: Sendable {
    let access: DomainAccess
    let troubles: DomainTroubles
    let claims: DomainClaims
    let pictures: PictureReader
    let guests: RunningGuests
    let unfinished: UnfinishedChanges
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
        pictures = PictureReader(access: access, claims: claims, ledger: daemon.ledger, host: daemon.host)
        let devices = GuestDevices(
            access: access, pictures: pictures, use: daemon.use, readiness: daemon.readiness, ledger: daemon.ledger,
            logger: daemon.logger, patience: patience)
        guests = RunningGuests(
            access: access, pictures: pictures, devices: devices, claims: claims, release: daemon.release,
            audit: daemon.audit, ledger: daemon.ledger, logger: daemon.logger, patience: patience)
        unfinished = UnfinishedChanges(
            access: access, pictures: pictures, devices: devices, claims: claims, ledger: daemon.ledger,
            logger: daemon.logger)
        binder = DomainBinder(
            access: access, claims: claims, pictures: pictures, devices: devices, troubles: troubles,
            seen: daemon.guests,
            requests: daemon.requests, candidates: daemon.candidates, exchange: daemon.exchange, use: daemon.use,
            release: daemon.release,
            stops: daemon.stopHook, audit: daemon.audit, logger: daemon.logger)
    }
}

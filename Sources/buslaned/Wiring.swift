// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Ledger
import Logging

/// The daemon's parts, and who is given what. Each part is made once, after the parts that it is given.
struct Wiring: Sendable {
    // What decisions are made from.
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let configuration: ConfigurationInForce
    let guests = SeenDomains()
    let holdings: HoldingsReader
    let pools: PoolDirectory
    let requests: DomainRequests
    let candidates: CandidateSelection

    // What acts.
    let threads = WorkThreads()
    let lanes = Lanes()
    let executor: Executor
    let comparer: CardComparer
    let queue: AllocationQueue
    let audit: AuditRecorder
    let permissions: Permissions
    let logger: Logger

    // Claims.
    let readiness: ClaimReadiness
    let use: ClaimUse
    let release: ClaimRelease
    let allocator: ClaimAllocator
    let exchange: ClaimExchange
    let expiry: ClaimExpiry
    let owners: OwnerWatch
    let lostOwners: LostOwners
    let rebinding: ClaimRebinding

    let cards: CardWiring

    // Hooks. None of them calls libvirt.
    let prepareHook: PrepareHook
    let stopHook: StopHook
    let hooks: HookCalls

    init(
        host: any Host, ledger: Ledger, configuration folder: ConfigurationFolder, boot: Boot, executor: Executor,
        logger: Logger
    ) {
        (self.host, self.ledger, self.boot, self.executor, self.logger) = (host, ledger, boot, executor, logger)
        audit = AuditRecorder(ledger: ledger, threads: threads)
        permissions = Permissions(audit: audit, logger: logger)
        configuration = ConfigurationInForce(folder)
        queue = AllocationQueue(clock: boot.clock)
        holdings = HoldingsReader(host: host, ledger: ledger, guests: guests, queue: queue)
        let looks = SharedLook { try host.snapshot() }
        pools = PoolDirectory(host: host, looks: looks, configuration: configuration, holdings: holdings)
        requests = DomainRequests(pools: pools)
        candidates = CandidateSelection(host: host, looks: looks, identity: boot.identity, holdings: holdings)

        comparer = CardComparer(host: host, ledger: ledger, boot: boot, logger: logger)
        readiness = ClaimReadiness(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, comparer: comparer)
        use = ClaimUse(
            host: host, ledger: ledger, boot: boot, guests: guests, readiness: readiness, logger: logger)
        release = ClaimRelease(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, use: use, comparer: comparer,
            queue: queue, audit: audit, permissions: permissions, logger: logger)
        allocator = ClaimAllocator(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, holdings: holdings,
            candidates: candidates, release: release, queue: queue, audit: audit, threads: threads, logger: logger)
        exchange = ClaimExchange(
            ledger: ledger, allocator: allocator, candidates: candidates, readiness: readiness, release: release,
            audit: audit, logger: logger)
        expiry = ClaimExpiry(
            host: host, ledger: ledger, boot: boot, use: use, release: release, audit: audit,
            permissions: permissions, logger: logger)
        owners = OwnerWatch(ledger: ledger, boot: boot, release: release, logger: logger)
        lostOwners = LostOwners(host: host, ledger: ledger, boot: boot, logger: logger)

        cards = CardWiring(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, configuration: configuration,
            comparer: comparer, holdings: holdings, use: use, readiness: readiness, release: release, queue: queue,
            audit: audit,
            logger: logger)

        rebinding = ClaimRebinding(
            host: host, ledger: ledger, boot: boot, pools: pools, holdings: holdings, use: use, readiness: readiness,
            comparer: comparer, audit: audit)

        let exclusivity = StartExclusivity(host: host, ledger: ledger, guests: guests)
        prepareHook = PrepareHook(
            host: host, ledger: ledger, requests: requests, candidates: candidates, allocator: allocator,
            release: release, use: use, exclusivity: exclusivity, audit: audit, logger: logger)
        stopHook = StopHook(
            ledger: ledger, boot: boot, exclusivity: exclusivity, use: use, readiness: readiness, release: release,
            audit: audit, logger: logger)
        hooks = HookCalls(boot: boot, prepare: prepareHook, stop: stopHook, logger: logger)
    }
}

/// The parts that change PFs.
struct CardWiring: Sendable {
    let state = CardState()
    let problems: HostProblems
    let findings: CardFindings
    let apply: ApplyRunner
    let bootRestore: BootRestore
    let drift: DriftCheck
    let recovery: CrashRecovery
    let quarantine: Quarantine

    fileprivate init(
        host: any Host, ledger: Ledger, boot: Boot, lanes: Lanes, executor: Executor,
        configuration: ConfigurationInForce, comparer: CardComparer, holdings: HoldingsReader, use: ClaimUse,
        readiness: ClaimReadiness,
        release: ClaimRelease, queue: AllocationQueue, audit: AuditRecorder, logger: Logger
    ) {
        let groups = GroupAdoption(ledger: ledger, boot: boot, logger: logger)
        problems = HostProblems(cards: state, configuration: configuration)
        findings = CardFindings(host: host, ledger: ledger, boot: boot, configuration: configuration)
        apply = ApplyRunner(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, holdings: holdings,
            looks: PlanningLook.shared(of: host, holdings), comparer: comparer, groups: groups, queue: queue,
            audit: audit, logger: logger)
        bootRestore = BootRestore(
            host: host, ledger: ledger, configuration: configuration, comparer: comparer, state: state, apply: apply,
            use: use, readiness: readiness, logger: logger)
        drift = DriftCheck(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, configuration: configuration,
            holdings: holdings, state: state, bootRestore: bootRestore, comparer: comparer, groups: groups, use: use,
            readiness: readiness, queue: queue, logger: logger)
        recovery = CrashRecovery(
            host: host, ledger: ledger, boot: boot, executor: executor, comparer: comparer, groups: groups, use: use,
            release: release, logger: logger)
        quarantine = Quarantine(
            host: host, ledger: ledger, boot: boot, lanes: lanes, executor: executor, comparer: comparer,
            holdings: holdings, drift: drift, audit: audit)
    }
}

/// The parts that put devices into libvirt's domains.
struct DomainWiring: Sendable {
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
        let (ledger, audit, logger) = (daemon.ledger, daemon.audit, daemon.logger)
        access = DomainAccess(libvirt: libvirt, feed: feed, lanes: Lanes())
        troubles = DomainTroubles(ledger: ledger, logger: logger)
        claims = DomainClaims(
            host: daemon.host, ledger: ledger, requests: daemon.requests, candidates: daemon.candidates,
            allocator: daemon.allocator, permissions: daemon.permissions)
        pictures = PictureReader(access: access, claims: claims, ledger: ledger, host: daemon.host)
        let devices = GuestDevices(
            access: access, pictures: pictures, use: daemon.use, readiness: daemon.readiness, ledger: ledger,
            logger: logger, patience: patience)
        guests = RunningGuests(
            access: access, pictures: pictures, devices: devices, claims: claims, release: daemon.release,
            audit: audit, ledger: ledger, logger: logger, patience: patience)
        unfinished = UnfinishedChanges(
            access: access, pictures: pictures, devices: devices, claims: claims, ledger: ledger, logger: logger)
        let persistent = PersistentBinder(
            access: access, claims: claims, requests: daemon.requests, candidates: daemon.candidates,
            exchange: daemon.exchange, use: daemon.use, release: daemon.release, audit: audit, logger: logger)
        binder = DomainBinder(
            access: access, claims: claims, persistent: persistent,
            running: RunningBinder(pictures: pictures, devices: devices, audit: audit), troubles: troubles,
            seen: daemon.guests, release: daemon.release, rebinding: daemon.rebinding, stops: daemon.stopHook,
            audit: audit)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostActions
import HostIO
import HostModel
import Logging
import Synchronization

/// The real host: sysfs, rtnetlink and the process table. The daemon uses it through ``Host``.
struct KernelHost: Host {
    let reader: SysfsReader
    let writer: HostWriter
    let holders: FunctionHolders
    let changes = HostChanges()
    /// The host in memory, for reports. Decisions read the host itself.
    let follower: HostFollower
    private let cards: CardMemory
    /// Publishes the changes of functions.
    let feed = ChangeFeed()
    let unseen = Unseen()
    /// The host's events; nil when they are not available. Without them every question reads the host.
    let monitor: UdevMonitor?
    private let rescans = SharedRescans()
    /// Whether questions read a host without events.
    private var isRead = true

    init(paths: HostPaths, logger: Logger) throws {
        reader = SysfsReader(paths: paths)
        writer = HostWriter(paths: paths)
        holders = FunctionHolders(paths: paths)
        cards = CardMemory(reader: CardReader(paths: paths))
        // Before the host is read, so that events during the reading wait in the kernel.
        monitor = paths.isLive ? Self.monitor(logger) : nil
        follower = try HostFollower(reader: reader)
    }

    private static func monitor(_ logger: Logger) -> UdevMonitor? {
        do {
            return try UdevMonitor()
        } catch {
            // Waits then end at their deadline: slower, but correct.
            logger.warning("no events from the host", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// The facts for decisions, the same as from ``function(at:with:)``, so that the two can be compared.
    func snapshot() throws -> HostSnapshot {
        var snapshot = try reader.snapshot(including: .decisive)
        snapshot.takeUnread(from: follower.current.snapshot)
        return snapshot
    }

    func lastSeen() throws -> HostSnapshot { try observed().snapshot }

    func lastSeen(indexedBy selectors: some Collection<Selector>) throws -> HostSnapshot {
        try observe()
        return follower.current(indexedBy: selectors)
    }

    func function(at address: PCIAddress, with parts: FunctionParts) throws -> Function? {
        let before = follower.current.snapshot[address]
        var facts: SysfsReader.Facts = .vectors
        if parts.contains(.settings) { facts.insert(.vfSettings) }
        if parts.contains(.virtualFunctions) { facts.insert(.places) }
        var function = try reader.function(at: address, including: facts, known: before?.virtualFunction)
        function?.takeUnread(from: before)
        return function
    }

    func numaNodes() -> [NUMANode] { reader.numaNodes() }

    func binding(at address: PCIAddress) throws -> DriverBinding? { try reader.binding(at: address) }

    func downPort(ofVF virtual: VirtualFunction) throws -> String? { reader.downPort(ofVF: virtual) }

    func card(at address: PCIAddress) throws -> [Function] {
        var card = try reader.card(at: address)
        for position in card.indices {
            card[position].takeUnread(from: follower.current.snapshot[card[position].address])
        }
        return card
    }

    func address(of virtual: VirtualFunction) -> PCIAddress? { reader.address(of: virtual) }

    func cardIdentity(at address: PCIAddress) -> CardIdentity? {
        let known = follower.current.snapshot[address]?.virtualFunction?.physicalFunction
        return cards.identity(at: known ?? address)
    }

    func freshCardIdentity(at address: PCIAddress) -> CardIdentity? { cards.read(at: address) }

    func perform(_ action: HostAction) throws {
        // Not every write causes an event.
        defer { if action.isObservable { unseen.add(written: action.subject) } }
        try reader.writing(to: locked(by: action)) { try writer.perform(action) }
    }

    /// The functions whose locks the kernel holds during a write to sysfs. None for rtnetlink.
    private func locked(by action: HostAction) -> Set<PCIAddress> {
        switch action {
        case .setLink, .setMTU, .setVFSettings: return []
        case .setVFCount, .unbindDriver:
            // With a PF's driver or count go its VFs, each with its own lock.
            let vfs = follower.current.snapshot[action.subject]?.sriov?.virtualFunctions ?? []
            return Set([action.subject] + vfs)
        case .setMSIXCount:
            let physical = follower.current.snapshot[action.subject]?.virtualFunction?.physicalFunction
            return Set([action.subject] + [physical].compactMap(\.self))
        case .setDriversAutoprobe, .setDriverOverride, .probeDriver, .reset: return [action.subject]
        }
    }

    func openGroups() throws -> [Int: ProcessHolder] { try holders.openGroups().compactMapValues(\.first) }

    func uses(askingKernel asksKernel: Bool) -> HostUses {
        HostUseReader(paths: reader.paths).uses(askingKernel: asksKernel)
    }

    func disksInUse() -> [PCIAddress: [DiskUse]] { HostUseReader(paths: reader.paths).disks() }

    func disksInExclusiveUse(of functions: Set<PCIAddress>) -> [PCIAddress: [DiskUse]] {
        HostUseReader(paths: reader.paths).disksInExclusiveUse(of: functions)
    }

    func devicesInUse() throws -> [PCIAddress: [DeviceUse]] { try holders.openDevices() }

    func waitForChange(upTo limit: Duration) async { await changes.wait(upTo: limit) }

    /// The host with all facts of an inventory. From memory when events keep the memory up to date.
    func observed() throws -> (snapshot: HostSnapshot, version: Int) {
        try observe()
        return follower.current
    }

    var inMemory: any Host {
        var host = self
        host.isRead = false
        return host
    }

    private func observe() throws {
        guard monitor == nil else { return try catchUp() }
        if isRead { try rescans.share { publish(try follower.rescan()) } }
    }

    /// Reads the functions with new events or writes again, and publishes their changes.
    func catchUp() throws {
        let (events, written) = unseen.take()
        if !events.isEmpty || !written.isEmpty { publish(try follower.follow(events, written: written)) }
    }

    func publish(_ differences: [FunctionChange]) {
        guard !differences.isEmpty else { return }
        cards.forget(differences)
        feed.publish(HostChange(changes: differences, snapshot: follower.current.snapshot))
    }
}

/// Readings of the whole host, shared by those who ask at the same time: each gets one that began after it asked, so that it
/// waits for two at most.
private final class SharedRescans: Sendable {
    private let begun = Mutex(0)
    /// The number of the last complete one; held while one is made.
    private let complete = Mutex(0)

    func share(_ rescan: () throws -> Void) throws {
        let asked = begun.withLock(\.self)
        let outcome = complete.withLock { complete -> Result<Void, any Error> in
            if complete > asked { return .success(()) }
            let number = begun.withLock { begun -> Int in
                begun += 1
                return begun
            }
            return Result {
                try rescan()
                complete = number
            }
        }
        try outcome.get()
    }
}

/// What the cards are, read once. An allocation must not wait for config space each time.
private final class CardMemory: Sendable {
    private let reader: CardReader
    private let known = Mutex<[PCIAddress: CardIdentity]>([:])

    init(reader: CardReader) { self.reader = reader }

    func identity(at address: PCIAddress) -> CardIdentity? {
        known.withLock { $0[address] } ?? read(at: address)
    }

    func read(at address: PCIAddress) -> CardIdentity? {
        let card = reader.identity(at: address)
        known.withLock { $0[address] = card }
        return card
    }

    /// Another card, or another driver and with it other interfaces.
    func forget(_ changes: [FunctionChange]) {
        known.withLock { known in
            for change in changes
            where change.before?.driver != change.after?.driver
                || change.before?.interfaces.map(\.index) != change.after?.interfaces.map(\.index)
                || change.after == nil || change.isArrival
            {
                known[change.address] = nil
            }
        }
    }
}

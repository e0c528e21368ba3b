// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import HostIO
import HostModel
import Logging
import Synchronization

/// The real host: sysfs, rtnetlink and the process table, behind the seam that the daemon decides against.
struct LiveHost: Host {
    let reader: SysfsReader
    let writer: SysfsWriter
    let holders: FunctionHolders
    let changes = HostChanges()
    /// The host in memory, for who asks how it is and decides nothing.
    let follower: HostFollower
    /// Tells whoever watches what is different.
    let feed = ChangeFeed()
    /// What was written to and not looked at since.
    private let written = Written()
    /// The host's events; nil where there are none to be had, and then every question reads the host.
    let monitor: UdevMonitor?

    init(paths: HostPaths, logger: Logger) throws {
        reader = SysfsReader(paths: paths)
        writer = SysfsWriter(paths: paths)
        holders = FunctionHolders(paths: paths)
        // Before the host is read: what happens meanwhile waits in the kernel.
        monitor = paths.isLive ? Self.monitor(logger) : nil
        follower = try HostFollower(reader: reader)
    }

    private static func monitor(_ logger: Logger) -> UdevMonitor? {
        do {
            return try UdevMonitor()
        } catch {
            // Waits still end by their deadline: slower, not wrong.
            logger.warning("no events from the host", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// What decisions need: the same facts as ``function(at:)`` has, so that the two can be compared.
    func snapshot() throws -> HostSnapshot {
        var snapshot = try reader.snapshot(including: .decisive)
        snapshot.takeUnread(from: follower.current.snapshot)
        return snapshot
    }

    func lastSeen() throws -> HostSnapshot { try observed().snapshot }

    func function(at address: PCIAddress, settings: Bool) throws -> Function? {
        let before = follower.current.snapshot[address]
        var function = try reader.function(
            at: address, including: settings ? .decisive : .vectors, known: before?.virtualFunction)
        function?.takeUnread(from: before)
        return function
    }

    func perform(_ action: HostAction) throws {
        defer { noteWritten(action.subject) }
        try writer.perform(action)
    }

    /// Not everything that is written makes an event. What was is read again when somebody asks, or soon: of a card that
    /// is being cut up, all VFs at once.
    private func noteWritten(_ address: PCIAddress) {
        guard written.add(address) else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) { lookAtWritten() }
    }

    private func lookAtWritten() {
        let addresses = written.take()
        if !addresses.isEmpty { tell(follower.refresh(addresses)) }
    }

    func openGroups() throws -> [Int: ProcessHolder] { try holders.openGroups().compactMapValues(\.first) }

    func uses() -> HostUses { HostUseReader(paths: reader.paths).uses() }

    func disksInUse() -> [PCIAddress: [DiskUse]] { HostUseReader(paths: reader.paths).disks() }

    func waitForChange(upTo limit: Duration) async { await changes.wait(upTo: limit) }

    /// The host with all that an inventory tells, from memory where its events keep that true.
    func observed() throws -> (snapshot: HostSnapshot, version: Int) {
        if monitor == nil { tell(try follower.rescan()) } else { lookAtWritten() }
        return follower.current
    }

    func tell(_ differences: [FunctionChange]) {
        if !differences.isEmpty { feed.tell(differences, on: follower.current.snapshot) }
    }
}

/// Functions that something was written to.
private final class Written: Sendable {
    private let addresses = Mutex<Set<PCIAddress>>([])

    /// - Returns: whether it is the first since they were taken.
    func add(_ address: PCIAddress) -> Bool {
        addresses.withLock { addresses in
            defer { addresses.insert(address) }
            return addresses.isEmpty
        }
    }

    func take() -> Set<PCIAddress> {
        addresses.withLock { addresses in
            defer { addresses = [] }
            return addresses
        }
    }
}

/// Lets any number of waiters know that the host reported a change.
final class HostChanges: Sendable {
    private struct Waiters {
        var next = 0
        var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let waiters = Mutex(Waiters())

    /// Returns at the next change, or when the time is up.
    func wait(upTo limit: Duration) async {
        let id = waiters.withLock { waiters in
            waiters.next += 1
            return waiters.next
        }
        await withCheckedContinuation { continuation in
            waiters.withLock { $0.continuations[id] = continuation }
            // Only now: a timer that ran out before there was anyone to wake would never wake them.
            Task {
                try? await Task.sleep(for: limit)
                wake(id)
            }
        }
    }

    /// Something changed: everyone looks again.
    func signal() {
        let woken = waiters.withLock { waiters in
            defer { waiters.continuations = [:] }
            return waiters.continuations.values.map(\.self)
        }
        for continuation in woken { continuation.resume() }
    }

    private func wake(_ id: Int) {
        waiters.withLock { $0.continuations.removeValue(forKey: id) }?.resume()
    }
}

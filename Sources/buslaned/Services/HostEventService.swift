// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the host in memory up to date, and wakes the waiters for changes of the host.
struct HostEventService: Service {
    let host: KernelHost
    let logger: Logger

    /// How long reports can have an old value of an attribute that changes without an event.
    private static let rescanInterval = Duration.seconds(300)

    /// After an event, functions are read again when no other event comes during a pause.
    private static let pause = Duration.milliseconds(100)
    /// The largest number of such pauses.
    private static let pauses = 10

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follow() }
            group.addTask { await cancelWhenGracefulShutdown { await followVFCounts() } }
            group.addTask { await cancelWhenGracefulShutdown { await catchUp() } }
            group.addTask { try await cancelWhenGracefulShutdown { try await rescanRegularly() } }
            try await group.next()
            group.cancelAll()
        }
    }

    private func follow() async throws {
        guard let monitor = host.monitor else { return try await gracefulShutdown() }
        for await events in monitor.events().cancelOnGracefulShutdown() {
            for event in events {
                logger.debug(
                    "host event",
                    metadata: ["action": "\(event.action)", "function": "\(event.address?.description ?? "-")"])
            }
            host.unseen.add(events)
            // For the executor, which waits for the effects of its writes and reads them itself.
            host.changes.signal()
        }
    }

    private func catchUp() async {
        for await _ in host.unseen.arrivals {
            // Reading a VF wakes it up, which delays work on its PF.
            for _ in 0..<Self.pauses {
                let count = host.unseen.count
                do { try await Task.sleep(for: Self.pause) } catch { return }
                if host.unseen.count == count { break }
            }
            observe { try host.catchUp() }
        }
    }

    private func followVFCounts() async {
        let followed = FollowedPFs()
        await withDiscardingTaskGroup { group in
            // The stream ends when this task falls behind.
            while !Task.isCancelled {
                for await entry in host.feed.watch() {
                    for card in Set(entry.changes.map(\.card)) where !isCountCurrent(card) && followed.begin(card) {
                        group.addTask {
                            await followVFCount(of: card)
                            followed.end(card)
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func isCountCurrent(_ card: PCIAddress) -> Bool {
        guard let sriov = host.follower.current.snapshot[card]?.sriov else { return true }
        return sriov.vfCount == sriov.virtualFunctions.count
    }

    /// The kernel updates a PF's VF count up to one second after it removed the last VF, and sends no event then.
    /// Source: `sriov_disable`, drivers/pci/iov.c.
    private func followVFCount(of card: PCIAddress) async {
        for _ in 0..<5 where !isCountCurrent(card) {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            observe { host.publish(host.follower.refresh([card])) }
        }
    }

    private func rescanRegularly() async throws {
        while true {
            do { try await Task.sleep(for: Self.rescanInterval) } catch { return }
            observe { host.publish(try host.follower.rescan()) }
        }
    }

    private func observe(_ look: () throws -> Void) {
        do {
            try look()
        } catch {
            logger.warning("cannot read the host again", metadata: ["error": "\(error)"])
        }
    }
}

/// The PFs whose VF counts are followed, each by one task.
private final class FollowedPFs: Sendable {
    private let cards = Mutex<Set<PCIAddress>>([])

    /// - Returns: false for a PF that is already followed.
    func begin(_ card: PCIAddress) -> Bool { cards.withLock { $0.insert(card).inserted } }

    func end(_ card: PCIAddress) { _ = cards.withLock { $0.remove(card) } }
}

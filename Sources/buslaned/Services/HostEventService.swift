// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the host in memory as the host is, and wakes whoever waits for a change of it.
struct HostEventService: Service {
    let host: KernelHost
    let logger: Logger

    /// How long an attribute that changes without an event can be told wrongly, at most.
    private static let rescanInterval = Duration.seconds(300)

    /// What happened is looked at once nothing more happens for a pause, where nobody asks before.
    private static let pause = Duration.milliseconds(100)
    /// How many pauses it waits for that at most.
    private static let pauses = 10

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follow() }
            group.addTask { await cancelWhenGracefulShutdown { await settle() } }
            group.addTask { await cancelWhenGracefulShutdown { await catchUp() } }
            group.addTask { try await cancelWhenGracefulShutdown { try await rescanNowAndThen() } }
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
            // Those who wait for a write of theirs: they read for themselves.
            host.changes.signal()
        }
    }

    private func catchUp() async {
        for await _ in host.unseen.arrivals {
            // To look at a VF wakes it up: who works on a card at this moment would wait for that.
            for _ in 0..<Self.pauses {
                let count = host.unseen.count
                do { try await Task.sleep(for: Self.pause) } catch { return }
                if host.unseen.count == count { break }
            }
            observe { try host.catchUp() }
        }
    }

    private func settle() async {
        let settling = Settling()
        await withDiscardingTaskGroup { group in
            // The stream ends when this falls behind.
            while !Task.isCancelled {
                for await entry in host.feed.watch() {
                    for card in Set(entry.changes.map(\.card)) where !isSettled(card) && settling.begin(card) {
                        group.addTask {
                            await settle(card)
                            settling.end(card)
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func isSettled(_ card: PCIAddress) -> Bool {
        guard let sriov = host.follower.current.snapshot[card]?.sriov else { return true }
        return sriov.vfCount == sriov.virtualFunctions.count
    }

    /// The kernel counts a card's VFs anew up to a second after the last of them went, and tells nobody.
    /// Source: `sriov_disable`, drivers/pci/iov.c.
    private func settle(_ card: PCIAddress) async {
        for _ in 0..<5 where !isSettled(card) {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            observe { host.tell(host.follower.refresh([card])) }
        }
    }

    private func rescanNowAndThen() async throws {
        while true {
            do { try await Task.sleep(for: Self.rescanInterval) } catch { return }
            observe { host.tell(try host.follower.rescan()) }
        }
    }

    private func observe(_ look: () throws -> Void) {
        do {
            try look()
        } catch {
            logger.warning("the host could not be read again", metadata: ["error": "\(error)"])
        }
    }
}

/// The cards whose VFs are on their way, each once.
private final class Settling: Sendable {
    private let cards = Mutex<Set<PCIAddress>>([])

    /// - Returns: false for a card that is being looked after already.
    func begin(_ card: PCIAddress) -> Bool { cards.withLock { $0.insert(card).inserted } }

    func end(_ card: PCIAddress) { _ = cards.withLock { $0.remove(card) } }
}

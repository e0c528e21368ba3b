// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the host in memory as the host is, and wakes whoever waits for a change of it.
struct HostEventService: Service {
    let host: LiveHost
    let logger: Logger

    /// How long an attribute that changes without an event can be told wrongly, at most.
    private static let rescanInterval = Duration.seconds(300)

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follow() }
            group.addTask { try await cancelWhenGracefulShutdown { try await rescanNowAndThen() } }
            try await group.next()
            group.cancelAll()
        }
    }

    private func follow() async throws {
        guard let monitor = host.monitor else { return try await gracefulShutdown() }
        let settling = Settling()
        await withDiscardingTaskGroup { group in
            for await events in monitor.events().cancelOnGracefulShutdown() {
                for event in events {
                    logger.debug(
                        "host event",
                        metadata: ["action": "\(event.action)", "function": "\(event.address?.description ?? "-")"])
                }
                // First those who wait for a write of theirs: they read for themselves.
                host.changes.signal()
                let changes = observe { try host.follower.follow(events) }
                for card in Set(changes.map(\.card)) where !isSettled(card) && settling.begin(card) {
                    group.addTask {
                        await settle(card)
                        settling.end(card)
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
            observe { host.follower.refresh([card]) }
        }
    }

    private func rescanNowAndThen() async throws {
        while true {
            do { try await Task.sleep(for: Self.rescanInterval) } catch { return }
            observe { try host.follower.rescan() }
        }
    }

    @discardableResult
    private func observe(_ read: () throws -> [FunctionChange]) -> [FunctionChange] {
        do {
            let changes = try read()
            host.tell(changes)
            return changes
        } catch {
            logger.warning("the host could not be read again", metadata: ["error": "\(error)"])
            return []
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

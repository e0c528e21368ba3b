// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import ServiceLifecycle
import Synchronization

/// Checks for drift after changes of functions, and at an interval for changes that cause no event.
struct DriftService: Service {
    let drift: DriftCheck
    let cards: CardState
    let feed: ChangeFeed

    /// Changes come in bursts: wait, and check once.
    private static let pause: Duration = .milliseconds(200)
    private static let interval: Duration = .seconds(300)

    func run() async {
        // The cancellation of a pause ends the loop; its error is expected.
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (looks, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                let concern = Concern()
                group.addTask {
                    await feed.follow { entry in
                        if let entry { concern.add(entry.changes) } else { concern.addAll(afterArrival: true) }
                        signal.yield()
                    }
                }
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.interval)
                        concern.addAll(afterArrival: false)
                        signal.yield()
                    }
                }
                for await _ in looks {
                    try await Task.sleep(for: Self.pause)
                    // Before the start is complete there is nothing to check: it ends with a check of all PFs.
                    let (cards, isAfterArrival) = concern.take()
                    if self.cards.hasRestored { await drift.check(on: cards, afterArrival: isAfterArrival) }
                }
                group.cancelAll()
            }
        }
    }
}

/// The PFs to check next.
private final class Concern: Sendable {
    private struct Changes {
        /// nil means all PFs.
        var cards: Set<PCIAddress>? = []
        /// Whether another card may be somewhere.
        var hasArrivals = false
    }

    private let changes = Mutex(Changes())

    func add(_ news: [FunctionChange]) {
        changes.withLock {
            $0.cards?.formUnion(news.map(\.card))
            if news.contains(where: \.isArrival) { $0.hasArrivals = true }
        }
    }

    /// - Parameter isAfterArrival: whether changes were lost, which may have been arrivals.
    func addAll(afterArrival isAfterArrival: Bool) {
        changes.withLock {
            $0.cards = nil
            if isAfterArrival { $0.hasArrivals = true }
        }
    }

    func take() -> (cards: Set<PCIAddress>?, hasArrivals: Bool) {
        changes.withLock { changes in
            defer { changes = Changes() }
            return (changes.cards, changes.hasArrivals)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import ServiceLifecycle
import Synchronization

/// Looks for drift whenever functions changed, and now and then for what changes without telling.
struct DriftService: Service {
    let drift: DriftCheck
    let cards: CardState
    let feed: ChangeFeed

    /// Changes come in swarms: one look for each swarm.
    private static let pause: Duration = .milliseconds(200)
    private static let interval: Duration = .seconds(300)

    func run() async {
        // Cancelled in the middle of a pause: that is how it ends.
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (looks, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                let concern = Concern()
                group.addTask {
                    await feed.follow { entry in
                        if let entry { concern.add(entry.changes) } else { concern.addAll() }
                        signal.yield()
                    }
                }
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.interval)
                        concern.addAll()
                        signal.yield()
                    }
                }
                for await _ in looks {
                    try await Task.sleep(for: Self.pause)
                    // Once the start is over, everything is looked at anyway.
                    let cards = concern.take()
                    if self.cards.hasRestored { await drift.check(on: cards) }
                }
                group.cancelAll()
            }
        }
    }
}

/// The cards to look at next.
private final class Concern: Sendable {
    /// nil is all of them.
    private let cards = Mutex<Set<PCIAddress>?>([])

    func add(_ changes: [FunctionChange]) { cards.withLock { $0?.formUnion(changes.map(\.card)) } }

    func addAll() { cards.withLock { $0 = nil } }

    func take() -> Set<PCIAddress>? {
        cards.withLock { cards in
            defer { cards = [] }
            return cards
        }
    }
}

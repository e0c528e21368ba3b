// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Looks for drift whenever functions changed, and now and then for what changes without telling.
struct DriftService: Service {
    let reconciler: Reconciler
    let feed: ChangeFeed

    /// Changes come in swarms: one look for each swarm.
    private static let pause: Duration = .milliseconds(200)
    private static let interval: Duration = .seconds(300)

    func run() async {
        // Cancelled in the middle of a pause: that is how it ends.
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (looks, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask {
                    // The stream ends when this falls behind: then there is something to look at as well.
                    while !Task.isCancelled {
                        for await _ in feed.watch() { signal.yield() }
                        signal.yield()
                    }
                }
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.interval)
                        signal.yield()
                    }
                }
                for await _ in looks {
                    try await Task.sleep(for: Self.pause)
                    await reconciler.checkForDrift()
                }
                group.cancelAll()
            }
        }
    }
}

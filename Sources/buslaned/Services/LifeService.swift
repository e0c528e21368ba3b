// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Releases claims with a time limit that were not renewed in time.
struct LifeService: Service {
    let expiry: ClaimExpiry
    let cards: CardState

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while true {
                // Release nothing before the start is complete: until then no client can renew.
                let due = cards.hasRestored ? try? await expiry.releaseExpired() : 1
                // A claim made during this pause with a shorter time ends up to five seconds late.
                try await Task.sleep(for: .seconds(min(due ?? 5, 5)))
            }
        }
    }
}

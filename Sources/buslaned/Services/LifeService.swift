// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Ends claims that were made for a time and not renewed.
struct LifeService: Service {
    let expiry: ClaimExpiry
    let cards: CardState

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while true {
                // Before the start is over nothing is given back: whoever renews cannot reach us yet.
                let due = cards.hasRestored ? try? await expiry.releaseExpired() : 1
                // Claims that are made or renewed meanwhile end later than in this time, or a little late.
                try await Task.sleep(for: .seconds(min(due ?? 5, 5)))
            }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Hears of stops by other ways than the hook: takes in what hooks leave that found the daemon too busy to answer, and
/// looks now and then for uses that no guest is left of.
struct SpoolService: Service {
    let spool: HookSpool
    let use: ClaimUse
    let cards: CardState

    func run() async {
        try? await cancelWhenGracefulShutdown {
            for turn in 1... {
                // What was there at the start was taken in before the socket opened.
                if cards.hasRestored { await spool.takeIn() }
                if turn % 12 == 0 { try? await use.endAbandoned() }
                try await Task.sleep(for: .seconds(5))
            }
        }
    }
}

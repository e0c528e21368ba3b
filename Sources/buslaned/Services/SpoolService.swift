// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Finds guest stops that no hook reported to the socket: processes reports that hooks left in the spool, and ends uses
/// whose guest no longer exists.
struct SpoolService: Service {
    let spool: HookSpool
    let use: ClaimUse
    let cards: CardState

    func run() async {
        try? await cancelWhenGracefulShutdown {
            for turn in 1... {
                // Reports that were there at the start were processed before the socket opened.
                if cards.hasRestored { await spool.takeIn() }
                if turn % 12 == 0 { try? await use.endAbandoned() }
                try await Task.sleep(for: .seconds(5))
            }
        }
    }
}

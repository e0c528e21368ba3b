// SPDX-License-Identifier: GPL-3.0-or-later
import Ledger
import ServiceLifecycle
import SystemServices

/// Settles what an earlier run left, brings back what was declared, and only then opens the socket: nobody shall see, or
/// add to, what is half done.
struct ServingService: Service {
    let reconciler: Reconciler
    let file: LedgerFile
    /// The ledger that could not be read, when there was one.
    let loss: LedgerFile.Loss?
    let spool: HookSpool
    let server: any Service
    /// How long after the host's start a card's driver may be late.
    let patience: Duration

    func run() async throws {
        if let loss {
            try await reconciler.setAsideUnaccounted(for: loss)
            try file.forgetLoss()
        }
        try await reconciler.recover()
        // Before any new start is asked about.
        await spool.takeIn(by: reconciler)
        await cancelWhenGracefulShutdown { await reconciler.resume(patience: left) }
        reconciler.standing.resumed()
        await reconciler.checkForDrift()
        try await server.run()
    }

    /// Zero on a host that has been up for longer.
    private var left: Duration { max(.zero, patience - .seconds(BootClock.now())) }
}

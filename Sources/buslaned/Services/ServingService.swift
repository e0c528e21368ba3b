// SPDX-License-Identifier: GPL-3.0-or-later
import Ledger
import ServiceLifecycle
import SystemServices

/// Settles what an earlier run left, brings back what was declared, and only then opens the socket: nobody shall see, or
/// add to, what is half done.
struct ServingService: Service {
    let lostOwners: LostOwners
    let recovery: CrashRecovery
    let bootRestore: BootRestore
    let drift: DriftCheck
    let cards: CardState
    let file: LedgerFile
    /// The ledger that could not be read, when there was one.
    let loss: LedgerFile.Loss?
    let spool: HookSpool
    let server: any Service
    /// How long after the host's start a card's driver may be late.
    let patience: Duration

    func run() async throws {
        if let loss {
            try await lostOwners.quarantineUnaccounted(for: loss)
            try file.forgetLoss()
        }
        try await recovery.recover()
        // Before any new start is asked about.
        await spool.takeIn()
        await cancelWhenGracefulShutdown { await bootRestore.restore(patience: left) }
        cards.restored()
        await drift.check()
        try await server.run()
    }

    /// Zero on a host that has been up for longer.
    private var left: Duration { max(.zero, patience - .seconds(BootClock.now())) }
}

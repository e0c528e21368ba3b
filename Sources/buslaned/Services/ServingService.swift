// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Ledger
import ServiceLifecycle
import SystemServices

/// Recovers from a crash of an earlier run, restores the declared state, and then opens the socket. Until then no
/// client can see or change an incomplete state.
struct ServingService: Service {
    let lostOwners: LostOwners
    let recovery: CrashRecovery
    let bootRestore: BootRestore
    let drift: DriftCheck
    let cards: CardState
    let file: LedgerFile
    let ledger: Ledger
    let past: LedgerFile.Past
    let spool: HookSpool
    let threads: BlockingThreads
    let server: any Service
    /// How long after the host's start to wait for the drivers of declared PFs.
    let patience: Duration

    func run() async throws {
        try await withTaskExecutorPreference(threads) { try await prepare() }
        try await server.run()
    }

    private func prepare() async throws {
        try await lostOwners.quarantineUnaccounted(after: past)
        try await file.begin(ledger)
        try await recovery.recover()
        // Before the hook of a new start can reach the socket.
        await spool.takeIn()
        await cancelWhenGracefulShutdown { await bootRestore.restore(patience: left) }
        cards.restored()
        await drift.check()
    }

    /// The rest of that time. Zero on a host that has been up for longer.
    private var left: Duration { max(.zero, patience - .seconds(BootClock.now())) }
}

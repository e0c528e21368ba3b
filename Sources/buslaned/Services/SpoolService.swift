// SPDX-License-Identifier: GPL-3.0-or-later
import ServiceLifecycle

/// Takes in what hooks leave while the daemon runs: one that found it too busy to answer.
struct SpoolService: Service {
    let spool: HookSpool
    let reconciler: Reconciler

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while true {
                // What was there at the start was taken in before the socket opened.
                if reconciler.standing.hasResumed { await spool.takeIn(by: reconciler) }
                try await Task.sleep(for: .seconds(5))
            }
        }
    }
}

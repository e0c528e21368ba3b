// SPDX-License-Identifier: GPL-3.0-or-later
import Ledger
import Logging
import ServiceLifecycle

/// Removes the records of claims that ended long ago.
struct PruningService: Service {
    let ledger: Ledger
    let kept: EndedClaims
    let logger: Logger

    private static let pause = Duration.seconds(60)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while true {
                do { try await ledger.lives.prune(keeping: kept) } catch {
                    logger.warning("cannot remove records of ended claims", metadata: ["error": "\(error)"])
                }
                try await Task.sleep(for: Self.pause)
            }
        }
    }
}

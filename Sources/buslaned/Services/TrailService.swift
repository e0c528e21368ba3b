// SPDX-License-Identifier: GPL-3.0-or-later
import Ledger
import Logging
import ServiceLifecycle

/// Writes the numbers of repeated refusals, and moves old entries of the audit trail to files.
struct TrailService: Service {
    let audit: AuditRecorder
    let archive: AuditArchive
    let logger: Logger

    private static let pause = Duration.seconds(60)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.pause)
                await look()
            }
        }
        try? await audit.writeRepeats(all: true)
    }

    private func look() async {
        do {
            try await audit.writeRepeats()
            if let file = try await archive.rotate() {
                logger.notice("audit trail rotated", metadata: ["file": "\(file)"])
            }
        } catch {
            logger.warning("cannot rotate the audit trail", metadata: ["error": "\(error)"])
        }
    }
}

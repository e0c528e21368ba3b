// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import HostModel
import Ledger
import Logging
import Synchronization

/// Why domains are not as they ask to be: the last trouble of each. In memory only; a new process finds them again.
final class DomainTroubles: Sendable {
    struct Episode: Sendable {
        let trouble: DomainTrouble
        /// When it was met first, in seconds since 1970.
        let since: Int
        /// How often it was met since, the first time included.
        var tries = 1
    }

    private let ledger: Ledger
    private let logger: Logger
    private let last = Mutex<[String: Episode]>([:])

    init(ledger: Ledger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
    }

    /// - Parameter uuid: the domain's, in lower case.
    subscript(uuid: String) -> Episode? { last.withLock { $0[uuid] } }

    /// Keeps a trouble, and writes a new one into the log and the events.
    ///
    /// - Parameter trouble: nil when the domain is as it asks to be.
    func report(_ trouble: DomainTrouble?, of uuid: String, name: String) async {
        guard note(trouble, of: uuid, at: ledger.timestamp()), let trouble else { return }
        logger.warning(
            "a domain is not as it asks to be", metadata: ["domain": "\(name)", "reason": "\(trouble.message)"])
        do {
            try await ledger.record(.refused, subject: name, detail: trouble.message)
        } catch {
            logger.error("event not recorded", metadata: ["domain": "\(name)", "error": "\(error)"])
        }
    }

    /// - Returns: whether the trouble is another one than before.
    private func note(_ trouble: DomainTrouble?, of uuid: String, at now: Int) -> Bool {
        last.withLock { last in
            if let trouble, last[uuid]?.trouble == trouble {
                last[uuid]?.tries += 1
                return false
            }
            defer { last[uuid] = trouble.map { Episode(trouble: $0, since: now) } }
            return trouble != nil || last[uuid] != nil
        }
    }
}

extension DomainTrouble {
    init(_ error: any Error) {
        let report = (error as? any Reportable)?.report ?? UnexpectedError().report
        self = error as? DomainTrouble ?? DomainTrouble(report.code, report.message, remedy: report.remedy)
    }
}

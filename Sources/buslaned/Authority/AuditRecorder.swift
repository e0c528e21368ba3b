// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Records the results of work in the audit trail.
struct AuditRecorder: Sendable {
    private let ledger: Ledger
    private let threads: WorkThreads
    private let repeats = Repeats()

    init(ledger: Ledger, threads: WorkThreads) { (self.ledger, self.threads) = (ledger, threads) }

    /// Runs the work and records its result.
    ///
    /// The work runs in its own task: it continues when the caller is cancelled.
    func audited<Result: Sendable>(
        _ verb: String, subject: String, detail: String, by actor: AuditEntry.Actor,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let entry = AuditEntry.Draft(verb, subject: subject, detail: detail, actor: actor)
        return try await recorded(entry) {
            let result = try await work()
            try await ledger.audit(entry)
            return result
        }
    }

    /// The same for work that records its own success, in the same transaction as its changes.
    func recorded<Result: Sendable>(
        _ entry: AuditEntry.Draft, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        // Starts on the caller's thread: a thread switch costs more than most work up to its first suspension.
        try await Task.immediate(executorPreference: threads.of(entry.actor.uid)) {
            do {
                let result = try await work()
                // The result counts, also if the number of earlier failures cannot be written.
                try? await ledger.audit(repeats.succeeded(entry))
                return result
            } catch {
                try await failed(entry, error)
                throw error
            }
        }.value
    }

    /// Records a refusal or a failure, with its reason. One that is the same as before is only counted.
    ///
    /// - Returns: whether anything was written.
    @discardableResult
    func failed(_ entry: AuditEntry.Draft, _ error: any Error) async throws -> Bool {
        let news = repeats.entries(for: entry, "\(error)", at: ledger.timestamp())
        let counts = news.filter { $0.times > 1 }
        try await ledger.audit(counts)
        guard let first = news.first(where: { $0.times == 1 }) else { return !counts.isEmpty }
        try await ledger.record(
            error is Refusal ? .refused : .failed, subject: first.subject, detail: "\(first.verb): \(first.result)",
            audit: first)
        return true
    }

    /// Writes how often clients' requests were refused or failed in the last hour.
    ///
    /// - Parameter all: also of those that are still counted.
    func writeRepeats(all: Bool = false) async throws {
        try await ledger.audit(repeats.ended(at: ledger.timestamp(), all: all))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Synchronization

/// Records the results of work in the audit trail.
struct AuditRecorder: Sendable {
    private let ledger: Ledger
    private let threads: WorkThreads
    private let repeated = RepeatedFailures()

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
                repeated.succeeded(entry)
                return result
            } catch {
                try await failed(entry, error)
                throw error
            }
        }.value
    }

    /// Records a refusal or a failure, with its reason.
    ///
    /// The daemon repeats some of its own work. A failure that is the same as the previous one is not recorded again.
    func failed(_ entry: AuditEntry.Draft, _ error: any Error) async throws {
        let text = "\(error)"
        guard repeated.isNews(entry, text) else { return }
        try await ledger.record(
            error is Refusal ? .refused : .failed, subject: entry.subject, detail: "\(entry.verb): \(text)",
            audit: entry.ending(text))
    }
}

/// The last failure of each piece of the daemon's own work.
private final class RepeatedFailures: Sendable {
    private struct Work: Hashable {
        let verb, subject, detail: String

        init(_ entry: AuditEntry.Draft) {
            (verb, subject, detail) = (entry.verb, entry.subject, entry.detail)
        }
    }

    /// The largest number of entries, so that temporary domains cannot fill the memory.
    private static let limit = 1000

    private let last = Mutex<[Work: String]>([:])

    /// Whether to record a failure. Always true for a client's request.
    func isNews(_ entry: AuditEntry.Draft, _ text: String) -> Bool {
        guard entry.actor == .daemon else { return true }
        return last.withLock { last in
            if last.count >= Self.limit { last = [:] }
            return last.updateValue(text, forKey: Work(entry)) != text
        }
    }

    func succeeded(_ entry: AuditEntry.Draft) {
        last.withLock { if !$0.isEmpty { $0[Work(entry)] = nil } }
    }
}

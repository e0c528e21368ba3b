// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Synchronization

/// Writes into the audit trail how work ended.
struct AuditRecorder: Sendable {
    private let ledger: Ledger
    private let repeated = RepeatedFailures()

    init(ledger: Ledger) { self.ledger = ledger }

    /// Runs the work and writes down how it ended.
    ///
    /// The work runs in a task of its own: it is finished even when the caller goes away.
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

    /// The same for work that writes its success itself, in one commit with what it did.
    func recorded<Result: Sendable>(
        _ entry: AuditEntry.Draft, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        // Starts on the caller's thread: a change of threads takes longer than most of what comes before the first wait.
        try await Task.immediate {
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

    /// Writes down that something was refused or failed, and why.
    ///
    /// The daemon tries some work again and again by itself. A failure that repeats the one before is not written again.
    func failed(_ entry: AuditEntry.Draft, _ error: any Error) async throws {
        let text = "\(error)"
        guard repeated.isNews(entry, text) else { return }
        try await ledger.record(
            error is Refusal ? .refused : .failed, subject: entry.subject, detail: "\(entry.verb): \(text)",
            audit: entry.ending(text))
    }
}

/// How each of the daemon's own tries failed last.
private final class RepeatedFailures: Sendable {
    private struct Work: Hashable {
        let verb, subject, detail: String

        init(_ entry: AuditEntry.Draft) {
            (verb, subject, detail) = (entry.verb, entry.subject, entry.detail)
        }
    }

    /// So that domains that come and go cannot fill the memory.
    private static let limit = 1000

    private let last = Mutex<[Work: String]>([:])

    /// Whether a failure is to be written down. Always true of what a person asked for.
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

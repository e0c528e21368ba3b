// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Ledger {
    public func audit(
        _ verb: String, subject: String, detail: String, result: String, actor: AuditEntry.Actor
    ) async throws {
        try await audit(AuditEntry.Draft(verb, subject: subject, detail: detail, result: result, actor: actor))
    }

    public func audit(_ draft: AuditEntry.Draft) async throws { try await audit([draft]) }

    /// Writes entries in one commit.
    public func audit(_ drafts: [AuditEntry.Draft]) async throws {
        if drafts.isEmpty { return }
        let at = timestamp()
        try await commits.run { db in
            for draft in drafts { try db.audit.write(draft, at: at) }
        }
    }

    /// The newest entries before the one with this id, oldest first.
    public func auditTrail(before id: Int = .max, limit: Int = 200) async throws -> [AuditEntry] {
        try await queries.run { try $0.audit.newest(before: id, limit: limit) }
    }

    /// The oldest entries after the one with this id and before another, oldest first.
    public func auditTrail(after id: Int, before end: Int = .max, limit: Int) async throws -> [AuditEntry] {
        try await queries.run { try $0.audit.oldest(after: id, before: end, limit: limit) }
    }

    /// The id of the first of the newest entries before the one with this id; nil if there are none.
    public func firstOfAuditTrail(before id: Int, limit: Int) async throws -> Int? {
        try await queries.run { try $0.audit.first(before: id, limit: limit) }
    }
}

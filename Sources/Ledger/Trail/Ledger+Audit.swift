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
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

extension Ledger {
    public func audit(
        _ verb: String, subject: String, detail: String, result: String, actor: AuditEntry.Actor
    ) async throws {
        try await audit(AuditEntry.Draft(verb, subject: subject, detail: detail, result: result, actor: actor))
    }

    public func audit(_ draft: AuditEntry.Draft) async throws {
        let at = timestamp()
        try await commits.run { try $0.audit.write(draft, at: at) }
    }

    /// The newest entries, oldest first.
    public func auditTrail(limit: Int = 200) async throws -> [AuditEntry] {
        try await queries.run { try $0.audit.newest(limit: limit) }
    }
}

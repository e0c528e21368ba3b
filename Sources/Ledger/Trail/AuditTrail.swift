// SPDX-License-Identifier: GPL-3.0-or-later

/// Reads the audit trail. ``Ledger`` writes it.
public struct AuditTrail: Sendable {
    let queries: Queries

    /// The newest entries before the one with this id, oldest first.
    public func newest(before id: Int = .max, limit: Int = 200) async throws -> [AuditEntry] {
        try await queries.run { try $0.audit.newest(before: id, limit: limit) }
    }

    /// The oldest entries after the one with this id and before another, oldest first.
    public func oldest(after id: Int, before end: Int = .max, limit: Int) async throws -> [AuditEntry] {
        try await queries.run { try $0.audit.oldest(after: id, before: end, limit: limit) }
    }

    /// The id of the first of the newest entries before the one with this id; nil if there are none.
    public func first(before id: Int, limit: Int) async throws -> Int? {
        try await queries.run { try $0.audit.first(before: id, limit: limit) }
    }
}

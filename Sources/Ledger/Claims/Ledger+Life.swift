// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// Claims that expire.
extension Ledger {
    /// Restarts a claim's life. A claim that never expires, or that is not held by its owner, stays unchanged.
    ///
    /// - Parameters:
    ///   - sinceBoot: seconds since the boot, now.
    ///   - audit: the entry to write if the claim is renewed.
    /// - Returns: whether the claim was renewed.
    public func renew(
        claim id: String, bootID: String, sinceBoot: Int, audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.claim(id, .unknown) }
        let at = timestamp()
        return try await commits.run { db in
            try db.execute(
                sql: """
                    UPDATE claim SET endsAt = ? + ttl, endsInBoot = ?
                    WHERE number = ? AND ttl IS NOT NULL AND state IN ('bound', 'inUse')
                    """,
                arguments: [sinceBoot, bootID, number])
            guard db.changesCount == 1 else { return false }
            try Self.write(audit, at: at, db)
            return true
        }
    }

    /// The claims that have expired, and when the next one expires.
    ///
    /// - Parameter sinceBoot: seconds since the boot, now.
    /// - Returns: `next` in seconds since the boot; nil when no other claim expires.
    public func ended(sinceBoot: Int) async throws -> (claims: [String], next: Int?) {
        try await read { db in
            let condition = "ttl IS NOT NULL AND state IN ('bound', 'inUse') AND endsAt"
            let numbers = try Int.fetchAll(
                db, sql: "SELECT number FROM claim WHERE \(condition) <= ? ORDER BY endsAt", arguments: [sinceBoot])
            let next = try Int.fetchOne(
                db, sql: "SELECT min(endsAt) FROM claim WHERE \(condition) > ?", arguments: [sinceBoot])
            return (numbers.map(Self.claimID), next)
        }
    }

    /// Restarts every claim's life after a reboot: the time during which the host was off does not count.
    public func adoptLives(bootID: String, sinceBoot: Int) async throws {
        try await commits.run { db in
            try db.execute(
                sql: """
                    UPDATE claim SET endsAt = ? + ttl, endsInBoot = ?
                    WHERE ttl IS NOT NULL AND state <> 'released' AND endsInBoot IS NOT ?
                    """,
                arguments: [sinceBoot, bootID, bootID])
        }
    }
}

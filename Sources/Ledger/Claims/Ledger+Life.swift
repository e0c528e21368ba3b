// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// Claims that end by themselves.
extension Ledger {
    /// A claim's life begins anew; one without an end, or that has ended, stays as it is.
    ///
    /// - Parameters:
    ///   - sinceBoot: seconds since the boot, now.
    ///   - audit: what to write down if it was renewed.
    /// - Returns: whether it was.
    public func renew(
        claim id: String, bootID: String, sinceBoot: Int, audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
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

    /// The claims whose life is over, and when the next one's will be.
    ///
    /// - Parameter sinceBoot: seconds since the boot, now.
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

    /// After a reboot every life begins anew: how long the host was off nobody can be held to.
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

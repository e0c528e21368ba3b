// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// The lives of the ledger's claims: how long those that expire are held, and how long ended ones stay recorded.
public struct ClaimLives: Sendable {
    let commits: Commits
    let queries: Queries
    /// Seconds since 1970.
    let now: @Sendable () -> Int

    /// Restarts a claim's life. A claim that never expires, or that is not held by its owner, stays unchanged.
    ///
    /// - Parameters:
    ///   - sinceBoot: seconds since the boot, now.
    ///   - audit: the entry to write if the claim is renewed.
    /// - Returns: whether the claim was renewed.
    public func renew(
        claim id: String, bootID: String, sinceBoot: Int, audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Claim.number(of: id) else { throw Refusal.claim(id, .unknown) }
        let at = now()
        return try await commits.run { db in
            guard try db.claims.renew(claim: number, bootID: bootID, sinceBoot: sinceBoot) else { return false }
            try db.audit.write(audit, at: at)
            return true
        }
    }

    /// The claims that have expired, and when the next one expires.
    ///
    /// - Parameter sinceBoot: seconds since the boot, now.
    /// - Returns: `next` in seconds since the boot; nil when no other claim expires.
    public func ended(sinceBoot: Int) async throws -> (claims: [String], next: Int?) {
        try await queries.run { try $0.claims.ended(sinceBoot: sinceBoot) }
    }

    /// Restarts every claim's life after a reboot: the time during which the host was off does not count.
    public func adopt(bootID: String, sinceBoot: Int) async throws {
        try await commits.run { try $0.claims.adoptLives(bootID: bootID, sinceBoot: sinceBoot) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// Claims that are replaced by others of the same owner. The transaction that makes the new ones moves the old ones to
/// `releasing`; afterwards the caller releases the old ones, or releases the new ones and reinstates the old.
extension Ledger {
    /// Moves claims to `releasing` and frees the names of their devices for the claims that replace them.
    ///
    /// - Throws: ``Refusal/claimChanging(_:)`` for a claim that is no longer as the caller knows it.
    static func replace(_ claims: [Claim], _ db: Database) throws {
        for claim in claims {
            let number = number(ofClaim: claim.id)
            try db.run(
                """
                UPDATE claim SET state = 'releasing', usedInBoot = NULL, usedSince = NULL
                WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
                """,
                [number, claim.generation])
            guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .changing) }
            try db.run("UPDATE assignment SET name = name || '\(replacedMark)' || claim WHERE claim = ?", [number])
        }
    }

    /// Makes replaced claims their owner's again, with the names that their devices had.
    public func reinstate(claims ids: [String]) async throws {
        if ids.isEmpty { return }
        try await commits.run { db in
            for id in ids {
                let number = Self.number(ofClaim: id)
                try db.run("UPDATE claim SET state = 'bound' WHERE number = ? AND state = 'releasing'", [number])
                guard db.changesCount == 1 else { continue }
                try db.run(
                    """
                    UPDATE assignment SET name = substr(name, 1, instr(name, '\(Self.replacedMark)') - 1)
                    WHERE claim = ? AND instr(name, '\(Self.replacedMark)') > 0
                    """,
                    [number])
            }
        }
    }

    /// Follows the name of a replaced claim's device. A device's own name never contains it.
    private static let replacedMark = "~"

    /// Gives a claim the pool and the NUMA policy of another request that its functions satisfy as they are.
    ///
    /// - Throws: ``Refusal/quotaReached(pool:holder:limit:)`` of the new pool; ``Refusal/claimChanging(_:)`` for a claim
    ///   that is no longer as the caller knows it.
    public func repool(_ claim: Claim, as request: ClaimRequest, audit: AuditEntry.Draft) async throws {
        let at = timestamp()
        try await commits.run { db in
            try request.refuseBeyondQuota(LiveClaimRecords(besides: [claim], db))
            try db.run(
                """
                UPDATE claim SET pool = ?, numa = ?
                WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
                """,
                [request.pool.name, request.numa.description, Self.number(ofClaim: claim.id), claim.generation])
            guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .changing) }
            try Self.write(audit, at: at, db)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// Claims that give way to others of the same owner: set aside in the transaction that makes those, so that there is
/// either the one or the other, and given back, or taken back, once it is known which.
extension Ledger {
    /// On their way out, with the names of their devices free for those that come.
    static func setAside(_ claims: [Claim], _ db: Database) throws {
        for claim in claims {
            let number = number(ofClaim: claim.id)
            try db.run(
                """
                UPDATE claim SET state = 'releasing', usedInBoot = NULL, usedSince = NULL
                WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
                """,
                [number, claim.generation])
            guard db.changesCount == 1 else { throw Refusal.claimChanging(claim.id) }
            try db.run("UPDATE assignment SET name = name || '\(asideMark)' || claim WHERE claim = ?", [number])
        }
    }

    /// Claims that were set aside are their owner's as before.
    public func takeBack(claims ids: [String]) async throws {
        if ids.isEmpty { return }
        try await commits.run { db in
            for id in ids {
                let number = Self.number(ofClaim: id)
                try db.run("UPDATE claim SET state = 'bound' WHERE number = ? AND state = 'releasing'", [number])
                guard db.changesCount == 1 else { continue }
                try db.run(
                    """
                    UPDATE assignment SET name = substr(name, 1, instr(name, '\(Self.asideMark)') - 1)
                    WHERE claim = ? AND instr(name, '\(Self.asideMark)') > 0
                    """,
                    [number])
            }
        }
    }

    /// In no name that a device can have.
    private static let asideMark = "~"

    /// A claim whose functions would do for another request as they are is one of that request's pool and policy.
    public func repool(_ claim: Claim, as request: ClaimRequest, audit: AuditEntry.Draft) async throws {
        let at = timestamp()
        try await commits.run { db in
            try Self.refuseBeyondQuota(request, besides: [claim], db)
            try db.run(
                """
                UPDATE claim SET pool = ?, numa = ?
                WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
                """,
                [request.pool.name, request.numa.description, Self.number(ofClaim: claim.id), claim.generation])
            guard db.changesCount == 1 else { throw Refusal.claimChanging(claim.id) }
            try Self.write(audit, at: at, db)
        }
    }
}

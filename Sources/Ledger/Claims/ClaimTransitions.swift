// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// Moves the ledger's claims from state to state: each call is one transaction, with its audit entry.
public struct ClaimTransitions: Sendable {
    let commits: Commits
    let ownership: OwnershipCache
    /// Seconds since 1970.
    let now: @Sendable () -> Int

    /// Changes the state of a live claim. A released claim stays released.
    ///
    /// - Parameters:
    ///   - state: any except `inUse`, which ``beginUse(ofClaims:bootID:sinceBoot:)`` sets.
    ///   - earlier: the states that it may have now.
    ///   - generation: the generation that it must have; nil for any.
    ///   - audit: the entry to write if the state changes.
    /// - Returns: whether this call changed the state. Of two concurrent calls only one does.
    @discardableResult
    public func setState(
        _ state: Claim.State, ofClaim id: String, from earlier: [Claim.State] = [.pending, .bound, .inUse, .releasing],
        generation: Int? = nil, audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Claim.number(of: id) else { throw Refusal.claim(id, .unknown) }
        let at = now()
        return try await commits.run { db in
            guard try db.claims.setState(state, ofClaim: number, from: earlier, generation: generation)
            else { return false }
            try db.audit.write(audit, at: at)
            return true
        }
    }

    /// Moves claims that were made together from `pending` to `bound`, in one commit.
    ///
    /// - Parameters:
    ///   - use: for claims of a guest that is about to start: they become `inUse` instead.
    ///   - audit: entries to write with it.
    /// - Returns: the claims in their new state.
    public func bind(
        _ claims: [Claim], use: Claim.Use? = nil, audit: [AuditEntry.Draft] = []
    ) async throws -> [Claim] {
        let at = now()
        return try await commits.run(outliving: use == nil ? .power : .processFirst) { db in
            let bound = try claims.map { try db.claims.bind($0, use: use) }
            for entry in audit { try db.audit.write(entry, at: at) }
            return bound
        }
    }

    /// Moves claims to `inUse`, each with a new generation: a guest is about to start with their functions.
    ///
    /// - Returns: the claims in their new state.
    /// - Throws: ``Refusal/unknownClaim(_:)`` if one is no longer held by its owner. Then nothing is written.
    public func beginUse(ofClaims ids: [String], bootID: String, sinceBoot: Int) async throws -> [Claim] {
        if ids.isEmpty { return [] }
        return try await commits.run(outliving: .processFirst) { db in
            try ids.map { try db.claims.beginUse(ofClaim: $0, bootID: bootID, sinceBoot: sinceBoot) }
        }
    }
}

/// Claims that are replaced by others of the same owner. The transaction that makes the new ones moves the old ones to
/// `releasing`; afterwards the caller releases the old ones, or releases the new ones and reinstates the old.
extension ClaimTransitions {
    /// Makes replaced claims their owner's again, with the names that their devices had.
    public func reinstate(claims ids: [String]) async throws {
        if ids.isEmpty { return }
        try await commits.run { db in
            for id in ids { try db.claims.reinstate(claim: id) }
        }
    }

    /// Gives a claim the pool and the NUMA policy of another request that its functions satisfy as they are.
    ///
    /// - Throws: ``Refusal/quotaReached(pool:holder:limit:)`` of the new pool; ``Refusal/claimChanging(_:)`` for a claim
    ///   that is no longer as the caller knows it.
    public func repool(_ claim: Claim, as request: ClaimRequest, audit: AuditEntry.Draft) async throws {
        let at = now()
        try await commits.run { db in
            try request.refuseBeyondQuota(LiveClaimRecords(besides: [claim], db))
            try db.claims.repool(claim, as: request)
            try db.audit.write(audit, at: at)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Makes one claim. As `allocate(inBoot:…)`, which makes several.
    public func allocate(
        bootID: String, sinceBoot: Int = 0, audit: AuditEntry.Draft? = nil,
        decide: @escaping @Sendable (Holdings) throws -> ClaimDraft
    ) async throws -> Claim {
        let insertion = ClaimInsertion(createdAt: timestamp(), bootID: bootID, sinceBoot: sinceBoot)
        return try await commits.run { [ownership] db in
            let draft = try decide(try Self.held(ownership, db))
            let claim = try insertion.insert(
                draft, as: draft.isReady ? .bound : .pending, beside: LiveClaimRecords(besides: [], db), db)
            ownership.add(claim)
            if draft.isReady { try db.audit.write(audit, at: insertion.createdAt) }
            return claim
        }
    }

    /// Makes claims in one transaction with the decision what they get. They are `bound` if nothing is left to do on the
    /// host for any of them, and `pending` otherwise.
    ///
    /// - Parameters:
    ///   - bootID: this boot. The functions' group numbers are valid only in it.
    ///   - sinceBoot: seconds since the boot, now. The life of a claim that expires begins here.
    ///   - isForStart: a guest is about to start with them: they stay `pending` until
    ///     ``ClaimTransitions/bind(_:use:audit:)`` puts them in use.
    ///   - audit: entries to write if the claims are bound.
    ///   - replaced: claims of the same owner that these replace. They keep their functions until the caller releases
    ///     them or, if the new claims fail, calls ``ClaimTransitions/reinstate(claims:)``.
    ///   - decide: receives what is held, and chooses. If it throws, nothing is written. What it returns beside the
    ///     drafts is the caller's own and is returned unchanged.
    /// - Returns: the claims, in the order of their drafts.
    public func allocate<Plan: Sendable>(
        inBoot bootID: String, sinceBoot: Int = 0, isForStart: Bool = false, audit: [AuditEntry.Draft] = [],
        replacing replaced: [Claim] = [],
        decide: @escaping @Sendable (Holdings) throws -> (drafts: [ClaimDraft], plan: Plan)
    ) async throws -> (claims: [Claim], plan: Plan) {
        let insertion = ClaimInsertion(createdAt: timestamp(), bootID: bootID, sinceBoot: sinceBoot)
        return try await commits.run(outliving: isForStart ? .process : .power) { [ownership] db in
            try db.claims.replace(replaced)
            let (drafts, plan) = try decide(try Self.held(ownership, db))
            let isReady = !isForStart && drafts.allSatisfy(\.isReady)
            let records = try LiveClaimRecords(besides: replaced, db)
            let claims = try drafts.map { draft in
                let claim = try insertion.insert(draft, as: isReady ? .bound : .pending, beside: records, db)
                ownership.add(claim)
                return claim
            }
            if isReady { for entry in audit { try db.audit.write(entry, at: insertion.createdAt) } }
            return (claims, plan)
        }
    }

    /// The same for a caller that needs only the claims.
    public func allocate(
        inBoot bootID: String, sinceBoot: Int = 0, isForStart: Bool = false, audit: [AuditEntry.Draft] = [],
        replacing replaced: [Claim] = [],
        decide: @escaping @Sendable (Holdings) throws -> [ClaimDraft]
    ) async throws -> [Claim] {
        try await allocate(
            inBoot: bootID, sinceBoot: sinceBoot, isForStart: isForStart, audit: audit, replacing: replaced
        ) { (drafts: try decide($0), plan: ()) }.claims
    }

    /// What is claimed and in quarantine after every write that was begun before this call, so that no claim can be made
    /// between a note of the caller's and this answer.
    public func holdingsInOrder() async throws -> Holdings {
        try await commits.run(outliving: .process) { [ownership] db in try Self.held(ownership, db) }
    }

    /// What a new claim has to respect.
    private static func held(_ ownership: OwnershipCache, _ db: Database) throws -> Holdings {
        Holdings(claims: try ownership.all { try db.assignments.holders() }, quarantine: try db.quarantine.reasons())
    }
}

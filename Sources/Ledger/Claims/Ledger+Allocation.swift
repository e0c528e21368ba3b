// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Makes one claim. As `allocate(inBoot:…)`, which makes several.
    public func allocate(
        bootID: String, sinceBoot: Int = 0, audit: AuditEntry.Draft? = nil,
        decide: @escaping @Sendable (Holdings) throws -> Draft
    ) async throws -> Claim {
        let createdAt = timestamp()
        return try await commits.run { [live] db in
            let draft = try decide(try Self.held(live, db))
            let claim = try Self.insert(
                draft, as: draft.isReady ? .bound : .pending, createdAt: createdAt, bootID: bootID,
                sinceBoot: sinceBoot, besides: [], db)
            live.add(claim)
            if draft.isReady { try Self.write(audit, at: createdAt, db) }
            return claim
        }
    }

    /// Makes claims in one transaction with the decision what they get. They are `bound` if nothing is left to do on the
    /// host for any of them, and `pending` otherwise.
    ///
    /// - Parameters:
    ///   - bootID: the boot in which the functions' group numbers hold.
    ///   - sinceBoot: seconds since the boot, from which a claim's life counts where it has an end.
    ///   - isForStart: a guest is about to start with them: they stay `pending` until ``bind(_:use:audit:)`` puts them
    ///     in use.
    ///   - audit: entries to write if the claims are bound.
    ///   - replaced: claims of the same owner that these replace. They keep their functions until the caller releases
    ///     them or, if the new claims fail, calls ``takeBack(claims:)``.
    ///   - decide: receives what is held, and chooses. If it throws, nothing is written. What it returns beside the
    ///     drafts is the caller's own and is returned unchanged.
    /// - Returns: the claims, in the order of their drafts.
    public func allocate<Plan: Sendable>(
        inBoot bootID: String, sinceBoot: Int = 0, isForStart: Bool = false, audit: [AuditEntry.Draft] = [],
        replacing replaced: [Claim] = [],
        decide: @escaping @Sendable (Holdings) throws -> (drafts: [Draft], plan: Plan)
    ) async throws -> (claims: [Claim], plan: Plan) {
        let createdAt = timestamp()
        return try await commits.run(outliving: isForStart ? .process : .power) { [live] db in
            try Self.setAside(replaced, db)
            let (drafts, plan) = try decide(try Self.held(live, db))
            let isReady = !isForStart && drafts.allSatisfy(\.isReady)
            let claims = try drafts.map { draft in
                let claim = try Self.insert(
                    draft, as: isReady ? .bound : .pending, createdAt: createdAt, bootID: bootID,
                    sinceBoot: sinceBoot, besides: replaced, db)
                live.add(claim)
                return claim
            }
            if isReady { for entry in audit { try Self.write(entry, at: createdAt, db) } }
            return (claims, plan)
        }
    }

    /// The same for a caller that needs only the claims.
    public func allocate(
        inBoot bootID: String, sinceBoot: Int = 0, isForStart: Bool = false, audit: [AuditEntry.Draft] = [],
        replacing replaced: [Claim] = [],
        decide: @escaping @Sendable (Holdings) throws -> [Draft]
    ) async throws -> [Claim] {
        try await allocate(
            inBoot: bootID, sinceBoot: sinceBoot, isForStart: isForStart, audit: audit, replacing: replaced
        ) { (drafts: try decide($0), plan: ()) }.claims
    }

    /// What a new claim has to respect.
    private static func held(_ live: OwnershipCache, _ db: Database) throws -> Holdings {
        Holdings(claims: try live.all { try liveClaims(db) }, quarantine: try quarantine(db))
    }

    private static func insert(
        _ draft: Draft, as state: Claim.State, createdAt: Int, bootID: String, sinceBoot: Int,
        besides replaced: [Claim], _ db: Database
    ) throws -> Claim {
        let request = draft.request
        try refuseBeyondQuota(request, besides: replaced, db)
        let life = request.ttl.map { Claim.Life(seconds: $0, endsAt: $0 + sinceBoot) }
        try db.run(
            """
            INSERT INTO claim (generation, pool, owner, ownerName, numa, state, createdAt, uid, ttl, endsAt,
                endsInBoot)
            VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                request.pool.name, request.owner.description, request.ownerName, request.numa.description,
                state.rawValue, createdAt, request.uid,
                life?.seconds, life?.endsAt, life.map { _ in bootID },
            ])
        let number = Int(db.lastInsertedRowID)
        let assignments = try draft.assignments(inClaim: claimID(number))
        for (position, assignment) in assignments.enumerated() {
            try insert(assignment, at: position, claim: number, request: request, bootID: bootID, db)
        }
        return Claim(
            id: claimID(number), pool: request.pool.name, owner: request.owner, ownerName: request.ownerName,
            numa: request.numa, state: state, createdAt: createdAt, uid: request.uid, life: life,
            assignments: assignments)
    }

    private static func insert(
        _ assignment: Assignment, at position: Int, claim: Int, request: ClaimRequest, bootID: String, _ db: Database
    ) throws {
        let owner = request.owner.description
        try refuseSecond(assignment.name, of: request, db)
        try refuseSecondMAC(of: assignment, owner: owner, db)
        try own(group: assignment.iommuGroup, bootID: bootID, owner: owner, db)
        try db.run(
            """
            INSERT INTO assignment (claim, slot, owner, name, address, bootID, iommuGroup, numaNode, isNetwork,
                physicalFunction, vfIndex, settings, original, companionOf)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                claim, position, owner, assignment.name, assignment.address.description, bootID,
                assignment.iommuGroup, assignment.numaNode, assignment.isNetwork,
                assignment.virtualFunction?.physicalFunction.description, assignment.virtualFunction?.index,
                try settingsTexts.text(of: assignment.settings), try originalTexts.text(of: assignment.original),
                assignment.companionOf,
            ])
    }

    /// Root has a limit as an owner alone.
    ///
    /// - Parameter others: claims that do not count, since they go.
    static func refuseBeyondQuota(_ request: ClaimRequest, besides others: [Claim], _ db: Database) throws {
        guard let limit = request.pool.maxClaims else { return }
        // As one argument: the statement is kept, and must be the same for all.
        let numbers = try toJSON(others.compactMap { number(ofClaim: $0.id) })
        func refuse(_ column: String, _ value: any DatabaseValueConvertible, _ holder: String) throws {
            let sql = """
                SELECT count(*) FROM claim WHERE state <> 'released' AND pool = ? AND \(column) = ?
                    AND number NOT IN (SELECT value FROM json_each(?))
                """
            let statement = try db.cachedStatement(sql: sql)
            let count = try Int.fetchOne(statement, arguments: [request.pool.name, value, numbers]) ?? 0
            guard count >= limit else { return }
            throw Refusal.quotaReached(pool: request.pool.name, holder: holder, limit: limit)
        }
        try refuse("owner", request.owner.description, request.ownerName)
        if let uid = request.uid, uid != 0 { try refuse("uid", uid, "user id \(uid)") }
    }

    private static func refuseSecond(_ name: String, of request: ClaimRequest, _ db: Database) throws {
        let sql = "SELECT claim FROM assignment WHERE owner = ? AND name = ?"
        guard let claim = try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [request.owner.description, name])
        else { return }
        throw Refusal.deviceNameTaken(name, owner: request.ownerName, claim: claimID(claim))
    }

    /// A card does not know to whom a frame goes when two of its VFs have one address.
    private static func refuseSecondMAC(of assignment: Assignment, owner: String, _ db: Database) throws {
        guard let mac = assignment.settings.mac, let physical = assignment.virtualFunction?.physicalFunction else {
            return
        }
        let rows = try db.rows(
            """
            SELECT claim.number, claim.ownerName FROM assignment JOIN claim ON claim.number = assignment.claim
            WHERE physicalFunction = ? AND json_extract(settings, '$.mac') = ? AND assignment.owner <> ?
            """,
            [physical.description, mac.description, owner])
        guard let row = rows.first else { return }
        throw Refusal.macInUse(
            mac, physicalFunction: physical, claim: claimID(row["number"]), owner: row["ownerName"])
    }

    /// The same owner may hold a group already; another one makes the assignment's foreign key fail.
    static func own(group: Int, bootID: String, owner: String, _ db: Database) throws {
        try db.run(
            "INSERT INTO groupOwner (bootID, iommuGroup, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [bootID, group, owner])
    }
}

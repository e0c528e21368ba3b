// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
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
        guard let number = Self.number(ofClaim: id) else { throw Refusal.claim(id, .unknown) }
        let at = timestamp()
        return try await commits.run { db in
            // The states' raw values need no quoting in SQL.
            let allowed = earlier.filter { $0 != .released }.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            try db.run(
                """
                UPDATE claim SET state = ?, usedInBoot = NULL, usedSince = NULL
                WHERE number = ? AND state IN (\(allowed)) AND generation = ifnull(?, generation)
                """,
                [state.rawValue, number, generation])
            guard db.changesCount == 1 else { return false }
            try Self.write(audit, at: at, db)
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
        let at = timestamp()
        return try await commits.run(outliving: use == nil ? .power : .processFirst) { db in
            let bound = try claims.map { try Self.bind($0, use: use, db) }
            for entry in audit { try Self.write(entry, at: at, db) }
            return bound
        }
    }

    static func bind(_ claim: Claim, use: Claim.Use?, _ db: Database) throws -> Claim {
        var bound = claim
        bound.state = use == nil ? .bound : .inUse
        bound.use = use
        try db.run(
            "UPDATE claim SET state = ?, usedInBoot = ?, usedSince = ? WHERE number = ? AND state = 'pending'",
            [bound.state.rawValue, use?.bootID, use?.since, number(ofClaim: claim.id)])
        guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .unknown) }
        return bound
    }

    /// Moves claims to `inUse`, each with a new generation: a guest is about to start with their functions.
    ///
    /// - Returns: the claims in their new state.
    /// - Throws: ``Refusal/unknownClaim(_:)`` if one is no longer held by its owner. Then nothing is written.
    public func beginUse(ofClaims ids: [String], bootID: String, sinceBoot: Int) async throws -> [Claim] {
        if ids.isEmpty { return [] }
        return try await commits.run(outliving: .processFirst) { db in
            try ids.map { id in
                try db.run(
                    """
                    UPDATE claim SET state = 'inUse', generation = generation + 1, usedInBoot = ?, usedSince = ?
                    WHERE number = ? AND state IN ('bound', 'inUse')
                    """,
                    [bootID, sinceBoot, Self.number(ofClaim: id)])
                guard db.changesCount == 1, let number = Self.number(ofClaim: id),
                    let claim = try Self.claim(number, db)
                else { throw Refusal.claim(id, .unknown) }
                return claim
            }
        }
    }

    /// The live claims, oldest first.
    ///
    /// - Parameter owner: the claims' owner; nil for all owners.
    public func claims(of owner: Owner? = nil) async throws -> [Claim] {
        try await read { db in
            let whose = owner == nil ? "1" : "owner = ?"
            let arguments = StatementArguments([owner?.description].compactMap(\.self))
            return try Self.claims(
                db, where: "state <> 'released' AND \(whose) ORDER BY number", andAssignments: whose, arguments)
        }
    }

    /// A claim, live or released; nil if there is none.
    public func claim(_ id: String) async throws -> Claim? {
        guard let number = Self.number(ofClaim: id) else { return nil }
        return try await read { try Self.claim(number, $0) }
    }

    /// Adopts this boot's IOMMU group numbers. The kernel numbers the groups anew at each boot.
    ///
    /// - Parameter groups: this boot's group of each present function. An assignment whose function is missing, as a VF
    ///   that is not created yet, keeps the number of its old boot.
    /// - Returns: functions that now share a group with another owner's function. They keep their old number; the group
    ///   belongs to the older claim.
    @discardableResult
    public func adopt(bootID: String, groups: [PCIAddress: Int]) async throws -> [PCIAddress] {
        try await commits.run { db in
            var conflicts: [PCIAddress] = []
            for row in try Row.fetchAll(
                db,
                sql: "SELECT claim, slot, owner, address FROM assignment WHERE bootID <> ? ORDER BY claim, slot",
                arguments: [bootID])
            {
                let address = try PCIAddress(row["address"])
                guard let group = groups[address] else { continue }
                let owner: String = row["owner"]
                try Self.own(group: group, bootID: bootID, owner: owner, db)
                let holder = try String.fetchOne(
                    db, sql: "SELECT owner FROM groupOwner WHERE bootID = ? AND iommuGroup = ?",
                    arguments: [bootID, group])
                guard holder == owner else {
                    conflicts.append(address)
                    continue
                }
                try db.run(
                    "UPDATE assignment SET bootID = ?, iommuGroup = ? WHERE claim = ? AND slot = ?",
                    [bootID, group, row["claim"] as Int, row["slot"] as Int])
            }
            try db.execute(
                sql: """
                    DELETE FROM groupOwner WHERE NOT EXISTS (
                        SELECT 1 FROM assignment
                        WHERE assignment.bootID = groupOwner.bootID AND assignment.iommuGroup = groupOwner.iommuGroup)
                    """)
            return conflicts
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Moves a live claim on. A claim that is released stays so.
    ///
    /// - Parameters:
    ///   - state: any but `inUse`, which ``beginUse(ofClaims:bootID:sinceBoot:)`` alone sets.
    ///   - earlier: the states it may be moved from.
    ///   - generation: the one it must still have; nil for any.
    ///   - audit: what to write down if it is moved.
    /// - Returns: whether this call moved it: of two at once, one does.
    @discardableResult
    public func setState(
        _ state: Claim.State, ofClaim id: String, from earlier: [Claim.State] = [.pending, .bound, .inUse, .releasing],
        generation: Int? = nil, audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
        let at = timestamp()
        return try await commits.run { db in
            // Words of our own, which SQL does not mind.
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

    /// Claims that were made together are their owner's together: those that are `pending` are `bound`, in one commit.
    ///
    /// - Parameters:
    ///   - use: of claims that a guest is about to have: they are in use then.
    ///   - audit: what to write down if they are.
    /// - Returns: the claims as they are then.
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
        guard db.changesCount == 1 else { throw Refusal.unknownClaim(claim.id) }
        return bound
    }

    /// A guest is about to have the claims' functions: all of them are in use from now on, each in a new generation.
    ///
    /// - Returns: the claims as they are then.
    /// - Throws: ``Refusal/unknownClaim(_:)`` when one is not its owner's any more, and nothing is written.
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
                else { throw Refusal.unknownClaim(id) }
                return claim
            }
        }
    }

    /// The live claims, oldest first.
    ///
    /// - Parameter owner: whose; nil for everybody's.
    public func claims(of owner: Owner? = nil) async throws -> [Claim] {
        try await read { db in
            let whose = owner == nil ? "1" : "owner = ?"
            let arguments = StatementArguments([owner?.description].compactMap(\.self))
            return try Self.claims(
                db, where: "state <> 'released' AND \(whose) ORDER BY number", andAssignments: whose, arguments)
        }
    }

    /// One claim, live or ended.
    public func claim(_ id: String) async throws -> Claim? {
        guard let number = Self.number(ofClaim: id) else { return nil }
        return try await read { try Self.claim(number, $0) }
    }

    /// Takes over the group numbers of this boot: they are renumbered at each one, and mean nothing in another.
    ///
    /// - Parameter groups: this boot's group of each function that is there. An assignment whose function is not there
    ///   (a VF not made yet) keeps its old boot's number until it is.
    /// - Returns: functions that now share a group with another owner's: they keep their old number, and the group is
    ///   the older claim's.
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

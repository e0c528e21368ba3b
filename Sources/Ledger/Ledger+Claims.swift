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
            let rows = try db.rows(
                "SELECT * FROM claim WHERE state <> 'released' AND \(whose) ORDER BY number", arguments)
            if rows.isEmpty { return [] }
            let assignments = try Self.assignments(db, where: whose, arguments)
            return try rows.map { try Self.claim(from: $0, assignments: assignments[$0["number"]] ?? []) }
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

extension Ledger {
    static func claim(_ number: Int, _ db: Database) throws -> Claim? {
        guard let row = try db.rows("SELECT * FROM claim WHERE number = ?", [number]).first else {
            return nil
        }
        let assignments = try assignments(db, where: "claim = ?", [number])
        return try claim(from: row, assignments: assignments[number] ?? [])
    }

    private static func claim(from row: Row, assignments: [Assignment]) throws -> Claim {
        Claim(
            id: claimID(row["number"]), generation: row["generation"], pool: row["pool"],
            owner: try Owner(row["owner"]), ownerName: row["ownerName"], numa: try NUMAPolicy(row["numa"]),
            state: Claim.State(rawValue: row["state"]) ?? .released, createdAt: row["createdAt"],
            uid: row["uid"], life: life(from: row), use: use(from: row), assignments: assignments)
    }

    private static func life(from row: Row) -> Claim.Life? {
        guard let seconds: Int = row["ttl"], let endsAt: Int = row["endsAt"] else { return nil }
        return Claim.Life(seconds: seconds, endsAt: endsAt)
    }

    private static func use(from row: Row) -> Claim.Use? {
        guard let bootID: String = row["usedInBoot"], let since: Int = row["usedSince"] else { return nil }
        return Claim.Use(bootID: bootID, since: since)
    }

    /// By claim number, in slot order.
    private static func assignments(
        _ db: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [Int: [Assignment]] {
        var result: [Int: [Assignment]] = [:]
        let rows = try db.rows("SELECT * FROM assignment WHERE \(condition) ORDER BY claim, slot", arguments)
        for row in rows {
            var virtual: VirtualFunction?
            if let physical: String = row["physicalFunction"], let index: Int = row["vfIndex"] {
                virtual = VirtualFunction(physicalFunction: try PCIAddress(physical), index: index)
            }
            let assignment = Assignment(
                name: row["name"], address: try PCIAddress(row["address"]), virtualFunction: virtual,
                iommuGroup: row["iommuGroup"], numaNode: row["numaNode"], isNetwork: row["isNetwork"],
                settings: try fromJSON(row["settings"]), original: try fromJSON(row["original"]),
                companionOf: row["companionOf"])
            result[row["claim"], default: []].append(assignment)
        }
        return result
    }
}

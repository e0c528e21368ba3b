// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// A claim that is about to be written: all but what the ledger itself adds.
    public struct Draft: Sendable {
        public let request: ClaimRequest
        public let slots: [Slot]
        /// Nothing is left to do on the host: the claim begins its life as bound.
        public let isReady: Bool

        /// A function, and what it shall be like.
        public struct Slot: Sendable {
            public let function: Function
            public let settings: VFSettings

            public init(function: Function, settings: VFSettings) {
                self.function = function
                self.settings = settings
            }
        }

        public init(request: ClaimRequest, slots: [Slot], isReady: Bool = false) {
            self.request = request
            self.slots = slots
            self.isReady = isReady
        }
    }

    /// Makes a claim in one transaction with the decision what it gets: in state `pending`, or `bound` where nothing is
    /// left to do.
    ///
    /// - Parameters:
    ///   - bootID: the boot in which the functions' group numbers hold.
    ///   - audit: what to write down of a claim that is bound.
    ///   - decide: is given what is held, and chooses. What it throws ends the transaction with nothing written.
    public func allocate(
        bootID: String, audit: AuditEntry.Draft? = nil, decide: @escaping @Sendable (Holdings) throws -> Draft
    ) async throws -> Claim {
        let createdAt = timestamp()
        return try await commits.run { db in
            let draft = try decide(Self.holdings(db))
            let request = draft.request
            try Self.refuseBeyondQuota(request, db)
            try db.execute(
                sql: """
                    INSERT INTO claim (generation, pool, owner, ownerName, numa, state, createdAt, uid)
                    VALUES (1, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    request.pool.name, request.owner.description, request.ownerName, request.numa.description,
                    (draft.isReady ? Claim.State.bound : .pending).rawValue, createdAt, request.uid,
                ])
            let number = Int(db.lastInsertedRowID)
            for (position, slot) in draft.slots.enumerated() {
                let id = Self.claimID(number)
                let name = request.deviceName ?? (draft.slots.count == 1 ? id : "\(id)-\(position)")
                try Self.insert(slot, name: name, at: position, claim: number, request: request, bootID: bootID, db)
            }
            if draft.isReady { try Self.write(audit, at: createdAt, db) }
            return try Self.claim(number, db).unwrap(or: Refusal.unknownClaim(Self.claimID(number)))
        }
    }

    private static func insert(
        _ slot: Draft.Slot, name: String, at position: Int, claim: Int, request: ClaimRequest, bootID: String,
        _ db: Database
    ) throws {
        let function = slot.function
        guard let group = function.iommuGroup else { throw Refusal.noIOMMU }
        let owner = request.owner.description
        try refuseSecond(name, of: request, db)
        try own(group: group, bootID: bootID, owner: owner, db)
        let original = OriginalState(
            driver: function.driver, driverOverride: function.driverOverride, settings: function.vfSettings)
        try db.execute(
            sql: """
                INSERT INTO assignment (claim, slot, owner, name, address, bootID, iommuGroup, numaNode, isNetwork,
                    physicalFunction, vfIndex, settings, original)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                claim, position, owner, name, function.address.description, bootID, group, function.numaNode,
                function.isNetwork, function.virtualFunction?.physicalFunction.description,
                function.virtualFunction?.index, try toJSON(slot.settings), try toJSON(original),
            ])
    }

    /// Root has a limit as an owner alone.
    private static func refuseBeyondQuota(_ request: ClaimRequest, _ db: Database) throws {
        guard let limit = request.pool.maxClaims else { return }
        func refuse(_ column: String, _ value: any DatabaseValueConvertible, _ holder: String) throws {
            let sql = "SELECT count(*) FROM claim WHERE state <> 'released' AND pool = ? AND \(column) = ?"
            let count = try Int.fetchOne(db, sql: sql, arguments: [request.pool.name, value]) ?? 0
            guard count >= limit else { return }
            throw Refusal.quotaReached(pool: request.pool.name, holder: holder, limit: limit)
        }
        try refuse("owner", request.owner.description, request.ownerName)
        if let uid = request.uid, uid != 0 { try refuse("uid", uid, "user id \(uid)") }
    }

    private static func refuseSecond(_ name: String, of request: ClaimRequest, _ db: Database) throws {
        let sql = "SELECT claim FROM assignment WHERE owner = ? AND name = ?"
        guard let claim = try Int.fetchOne(db, sql: sql, arguments: [request.owner.description, name]) else { return }
        throw Refusal.deviceNameTaken(name, owner: request.ownerName, claim: claimID(claim))
    }

    /// The same owner may hold a group already; another one makes the assignment's foreign key fail.
    private static func own(group: Int, bootID: String, owner: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO groupOwner (bootID, iommuGroup, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [bootID, group, owner])
    }

    /// Moves a live claim on. A claim that is released stays so.
    ///
    /// - Parameters:
    ///   - earlier: the states it may be moved from.
    ///   - audit: what to write down if it is moved.
    /// - Returns: whether this call moved it: of two at once, one does.
    @discardableResult
    public func setState(
        _ state: Claim.State, ofClaim id: String, from earlier: [Claim.State] = [.pending, .bound, .releasing],
        audit: AuditEntry.Draft? = nil
    ) async throws -> Bool {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
        let at = timestamp()
        return try await commits.run { db in
            let allowed = earlier.filter { $0 != .released }.map(\.rawValue)
            try db.execute(
                sql: "UPDATE claim SET state = ? WHERE number = ? AND state IN (SELECT value FROM json_each(?))",
                arguments: [state.rawValue, number, try toJSON(allowed)])
            guard db.changesCount == 1 else { return false }
            try Self.write(audit, at: at, db)
            return true
        }
    }

    /// Ends a claim: its functions are free, its row stays as a record. Ending it again changes nothing.
    ///
    /// - Parameters:
    ///   - intent: the last step of giving it back, which is closed with it; nil when nothing had to be done.
    ///   - audit: what to write down.
    public func end(claim id: String, closing intent: Int? = nil, audit: AuditEntry.Draft? = nil) async throws {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
        let endedAt = timestamp()
        try await commits.run { db in
            if let intent { try db.execute(sql: "DELETE FROM intent WHERE id = ?", arguments: [intent]) }
            try db.execute(sql: "DELETE FROM assignment WHERE claim = ?", arguments: [number])
            try Self.write(audit, at: endedAt, db)
            try db.execute(
                sql: "UPDATE claim SET state = 'released', endedAt = ? WHERE number = ? AND state <> 'released'",
                arguments: [endedAt, number])
        }
    }

    /// The live claims, oldest first.
    public func claims() async throws -> [Claim] {
        try await database.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT * FROM claim WHERE state <> 'released' ORDER BY number")
            let assignments = try Self.assignments(db, where: "1", [])
            return try rows.map { try Self.claim(from: $0, assignments: assignments[$0["number"]] ?? []) }
        }
    }

    /// One claim, live or ended.
    public func claim(_ id: String) async throws -> Claim? {
        guard let number = Self.number(ofClaim: id) else { return nil }
        return try await database.read { try Self.claim(number, $0) }
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
                try db.execute(
                    sql: "UPDATE assignment SET bootID = ?, iommuGroup = ? WHERE claim = ? AND slot = ?",
                    arguments: [bootID, group, row["claim"] as Int, row["slot"] as Int])
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
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM claim WHERE number = ?", arguments: [number]) else {
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
            uid: row["uid"], assignments: assignments)
    }

    /// By claim number, in slot order.
    private static func assignments(
        _ db: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [Int: [Assignment]] {
        var result: [Int: [Assignment]] = [:]
        let rows = try Row.fetchAll(
            db, sql: "SELECT * FROM assignment WHERE \(condition) ORDER BY claim, slot", arguments: arguments)
        for row in rows {
            var virtual: VirtualFunction?
            if let physical: String = row["physicalFunction"], let index: Int = row["vfIndex"] {
                virtual = VirtualFunction(physicalFunction: try PCIAddress(physical), index: index)
            }
            let assignment = Assignment(
                name: row["name"], address: try PCIAddress(row["address"]), virtualFunction: virtual,
                iommuGroup: row["iommuGroup"], numaNode: row["numaNode"], isNetwork: row["isNetwork"],
                settings: try fromJSON(row["settings"]), original: try fromJSON(row["original"]))
            result[row["claim"], default: []].append(assignment)
        }
        return result
    }
}

extension Optional {
    fileprivate func unwrap(or error: @autoclosure () -> any Error) throws -> Wrapped {
        guard let self else { throw error() }
        return self
    }
}

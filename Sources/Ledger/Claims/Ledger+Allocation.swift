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
            /// What the device is called in its owner's domain; nil for a name after the claim.
            public let name: String?
            /// The function among the draft's that this one comes with; nil for what was asked for.
            public let companionOf: PCIAddress?
            /// What is left to do on the host until it is ready.
            public let changes: [Change]

            public init(
                function: Function, settings: VFSettings, name: String? = nil, companionOf: PCIAddress? = nil,
                changes: [Change] = []
            ) {
                self.function = function
                self.settings = settings
                self.name = name
                self.companionOf = companionOf
                self.changes = changes
            }
        }

        public init(request: ClaimRequest, slots: [Slot], isReady: Bool = false) {
            self.request = request
            self.slots = slots
            self.isReady = isReady
        }

        /// By function: what the devices are called in their owner's domain.
        ///
        /// A name that is not given comes from the claim. A companion's comes from the device's that it is with, and no
        /// name is longer than an alias may be.
        func names(inClaim id: String) -> [PCIAddress: String] {
            let wanted = slots.filter { $0.companionOf == nil }
            var names: [PCIAddress: String] = [:]
            for (position, slot) in wanted.enumerated() {
                names[slot.function.address] =
                    slot.name ?? request.deviceName ?? (wanted.count == 1 ? id : "\(id)-\(position)")
            }
            for slot in slots {
                guard let first = slot.companionOf.flatMap({ names[$0] }) else { continue }
                names[slot.function.address] = slot.name ?? "\(first.prefix(36))-f\(slot.function.address.function)"
            }
            return names
        }
    }

    /// Makes a claim: ``allocate(inBoot:sinceBoot:isForStart:audit:replacing:decide:)`` of one.
    public func allocate(
        bootID: String, sinceBoot: Int = 0, audit: AuditEntry.Draft? = nil,
        decide: @escaping @Sendable (Holdings) throws -> Draft
    ) async throws -> Claim {
        let made = try await allocate(inBoot: bootID, sinceBoot: sinceBoot, audit: [audit].compactMap(\.self)) {
            [try decide($0)]
        }
        return try made.first.unwrap(or: Refusal.countOutOfRange(0)).claim
    }

    /// Makes claims in one transaction with the decision what they get: in state `pending`, or all of them bound where
    /// nothing is left to do for any.
    ///
    /// - Parameters:
    ///   - bootID: the boot in which the functions' group numbers hold.
    ///   - sinceBoot: seconds since the boot, from which a claim's life counts where it has an end.
    ///   - isForStart: a guest is about to have them: they stay `pending` until ``bind(_:use:audit:)`` says that they are in
    ///     use.
    ///   - audit: what to write down of claims that are bound.
    ///   - replaced: claims of the same owner that these take the place of. Their functions are held until it is known
    ///     that these stay: then they are given back, else ``takeBack(claims:)``.
    ///   - decide: is given what is held, and chooses. What it throws ends the transaction with nothing written.
    public func allocate(
        inBoot bootID: String, sinceBoot: Int = 0, isForStart: Bool = false, audit: [AuditEntry.Draft] = [],
        replacing replaced: [Claim] = [],
        decide: @escaping @Sendable (Holdings) throws -> [Draft]
    ) async throws -> [(claim: Claim, draft: Draft)] {
        let createdAt = timestamp()
        return try await commits.run(outliving: isForStart ? .process : .power) { [live] db in
            try Self.setAside(replaced, db)
            let held = Holdings(claims: try live.all { try Self.liveClaims(db) }, quarantine: try Self.quarantine(db))
            let drafts = try decide(held)
            let isReady = !isForStart && drafts.allSatisfy(\.isReady)
            let made = try drafts.map { draft in
                try Self.refuseBeyondQuota(draft.request, besides: replaced, db)
                let claim = try Self.insert(
                    draft, as: isReady ? .bound : .pending, createdAt: createdAt, bootID: bootID,
                    sinceBoot: sinceBoot, db)
                live.add(claim)
                return (claim, draft)
            }
            if isReady { for entry in audit { try Self.write(entry, at: createdAt, db) } }
            return made
        }
    }

    private static func insert(
        _ draft: Draft, as state: Claim.State, createdAt: Int, bootID: String, sinceBoot: Int, _ db: Database
    ) throws -> Claim {
        let request = draft.request
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
        let names = draft.names(inClaim: claimID(number))
        let assignments = try draft.slots.map { try assignment($0, names: names) }
        for (position, assignment) in assignments.enumerated() {
            try insert(assignment, at: position, claim: number, request: request, bootID: bootID, db)
        }
        return Claim(
            id: claimID(number), pool: request.pool.name, owner: request.owner, ownerName: request.ownerName,
            numa: request.numa, state: state, createdAt: createdAt, uid: request.uid, life: life,
            assignments: assignments)
    }

    private static func assignment(_ slot: Draft.Slot, names: [PCIAddress: String]) throws -> Assignment {
        let function = slot.function
        return Assignment(
            name: try names[function.address].unwrap(or: Refusal.unknownFunction(function.address)),
            address: function.address, virtualFunction: function.virtualFunction,
            iommuGroup: try function.iommuGroup.unwrap(or: Refusal.noIOMMU), numaNode: function.numaNode,
            isNetwork: function.isNetwork, settings: slot.settings,
            original: OriginalState(
                driver: function.driver, driverOverride: function.driverOverride, settings: function.vfSettings),
            companionOf: slot.companionOf.flatMap { names[$0] })
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

extension Optional {
    func unwrap(or error: @autoclosure () -> any Error) throws -> Wrapped {
        guard let self else { throw error() }
        return self
    }
}

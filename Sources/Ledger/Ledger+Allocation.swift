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

            public init(function: Function, settings: VFSettings, name: String? = nil) {
                self.function = function
                self.settings = settings
                self.name = name
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
    ///   - sinceBoot: seconds since the boot, from which the claim's life counts where it has an end.
    ///   - audit: what to write down of a claim that is bound.
    ///   - decide: is given what is held, and chooses. What it throws ends the transaction with nothing written.
    public func allocate(
        bootID: String, sinceBoot: Int = 0, audit: AuditEntry.Draft? = nil,
        decide: @escaping @Sendable (Holdings) throws -> Draft
    ) async throws -> Claim {
        let createdAt = timestamp()
        return try await commits.run { db in
            let draft = try decide(Self.holdings(db))
            let request = draft.request
            try Self.refuseBeyondQuota(request, db)
            try db.execute(
                sql: """
                    INSERT INTO claim (generation, pool, owner, ownerName, numa, state, createdAt, uid, ttl, endsAt,
                        endsInBoot)
                    VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    request.pool.name, request.owner.description, request.ownerName, request.numa.description,
                    (draft.isReady ? Claim.State.bound : .pending).rawValue, createdAt, request.uid,
                    request.ttl, request.ttl.map { $0 + sinceBoot }, request.ttl.map { _ in bootID },
                ])
            let number = Int(db.lastInsertedRowID)
            for (position, slot) in draft.slots.enumerated() {
                let id = Self.claimID(number)
                let name = slot.name ?? request.deviceName ?? (draft.slots.count == 1 ? id : "\(id)-\(position)")
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
    static func own(group: Int, bootID: String, owner: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO groupOwner (bootID, iommuGroup, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [bootID, group, owner])
    }
}

extension Optional {
    fileprivate func unwrap(or error: @autoclosure () -> any Error) throws -> Wrapped {
        guard let self else { throw error() }
        return self
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var claims: ClaimTable { ClaimTable(db: self) }
}

/// The table `claim`: all claims. The row of a released claim stays as a record.
struct ClaimTable {
    let db: Database

    /// A claim, live or released; nil if there is none.
    func claim(_ number: Int) throws -> Claim? {
        try claims(where: "number = ?", andAssignments: "claim = ?", [number]).first
    }

    /// The live claims, oldest first.
    ///
    /// - Parameter owner: nil for all owners.
    func live(of owner: Owner?) throws -> [Claim] {
        let whose = owner == nil ? "1" : "owner = ?"
        let arguments = StatementArguments([owner?.description].compactMap(\.self))
        // The table has thousands of ended claims: without the index of the live ones, those would be read too.
        return try claims(
            in: "claim INDEXED BY claimByOwner", where: "state <> 'released' AND \(whose) ORDER BY number",
            andAssignments: whose, arguments)
    }

    /// - Parameters:
    ///   - table: with the index to use, where SQLite would choose another.
    ///   - condition: selects the claims, by columns of `claim`; `ORDER BY` may follow.
    ///   - assignmentCondition: selects their rows in `assignment`, with the same arguments.
    private func claims(
        in table: String = "claim", where condition: String, andAssignments assignmentCondition: String,
        _ arguments: StatementArguments
    ) throws -> [Claim] {
        var claims = try db.map(
            """
            SELECT number, generation, pool, owner, ownerName, numa, state, createdAt, uid, ttl, endsAt, usedInBoot, usedSince
            FROM \(table) WHERE \(condition)
            """, arguments, Self.read)
        if claims.isEmpty { return [] }
        let assignments = try db.assignments.byClaim(where: assignmentCondition, arguments)
        for position in claims.indices { claims[position].assignments = assignments[claims[position].id] ?? [] }
        return claims
    }

    private static func read(_ columns: inout Columns) throws -> Claim {
        var claim = Claim(
            id: Claim.id(columns.next()), generation: columns.next(), pool: columns.next(),
            owner: try Owner(columns.next()), ownerName: columns.next(), numa: try NUMAPolicy(columns.next()),
            state: Claim.State(rawValue: columns.next()) ?? .released, createdAt: columns.next(),
            uid: columns.nextOrNil(), assignments: [])
        let (seconds, endsAt): (Int?, Int?) = (columns.nextOrNil(), columns.nextOrNil())
        if let seconds, let endsAt { claim.life = Claim.Life(seconds: seconds, endsAt: endsAt) }
        let (bootID, since): (String?, Int?) = (columns.nextOrNil(), columns.nextOrNil())
        if let bootID, let since { claim.use = Claim.Use(bootID: bootID, since: since) }
        return claim
    }
}

/// The changes of a claim's state.
extension ClaimTable {
    /// - Returns: whether the state changed.
    func setState(
        _ state: Claim.State, ofClaim number: Int, from earlier: [Claim.State], generation: Int?
    ) throws -> Bool {
        // The states' raw values need no quoting in SQL.
        let allowed = earlier.filter { $0 != .released }.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        try db.run(
            """
            UPDATE claim SET state = ?, usedInBoot = NULL, usedSince = NULL
            WHERE number = ? AND state IN (\(allowed)) AND generation = ifnull(?, generation)
            """,
            [state.rawValue, number, generation])
        return db.changesCount == 1
    }

    /// Moves a claim from `pending` to `bound`, or to `inUse` if a use is given.
    func bind(_ claim: Claim, use: Claim.Use?) throws -> Claim {
        var bound = claim
        bound.state = use == nil ? .bound : .inUse
        bound.use = use
        try db.run(
            "UPDATE claim SET state = ?, usedInBoot = ?, usedSince = ? WHERE number = ? AND state = 'pending'",
            [bound.state.rawValue, use?.bootID, use?.since, Claim.number(of: claim.id)])
        guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .unknown) }
        return bound
    }

    /// Moves a claim that its owner holds to `inUse`, with a new generation.
    func beginUse(ofClaim id: String, bootID: String, sinceBoot: Int) throws -> Claim {
        try db.run(
            """
            UPDATE claim SET state = 'inUse', generation = generation + 1, usedInBoot = ?, usedSince = ?
            WHERE number = ? AND state IN ('bound', 'inUse')
            """,
            [bootID, sinceBoot, Claim.number(of: id)])
        guard db.changesCount == 1, let number = Claim.number(of: id), let claim = try claim(number)
        else { throw Refusal.claim(id, .unknown) }
        return claim
    }

    func beginRelease(ofClaim number: Int) throws {
        try db.run(
            "UPDATE claim SET state = 'releasing', usedInBoot = NULL, usedSince = NULL WHERE number = ?", [number])
    }

    func end(claim number: Int, at endedAt: Int) throws {
        try db.run(
            """
            UPDATE claim SET state = 'released', endedAt = ?, usedInBoot = NULL, usedSince = NULL
            WHERE number = ? AND state <> 'released'
            """,
            [endedAt, number])
    }

    /// Moves claims to `releasing` and frees the names of their devices for the claims that replace them.
    ///
    /// - Throws: ``Refusal/claimChanging(_:)`` for a claim that is no longer as the caller knows it.
    func replace(_ claims: [Claim]) throws {
        for claim in claims {
            let number = Claim.number(of: claim.id)
            try db.run(
                """
                UPDATE claim SET state = 'releasing', usedInBoot = NULL, usedSince = NULL
                WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
                """,
                [number, claim.generation])
            guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .changing) }
            try db.assignments.markReplaced(inClaim: number)
        }
    }

    /// Makes a replaced claim its owner's again, with the names that its devices had.
    func reinstate(claim id: String) throws {
        let number = Claim.number(of: id)
        try db.run("UPDATE claim SET state = 'bound' WHERE number = ? AND state = 'releasing'", [number])
        if db.changesCount == 1 { try db.assignments.unmarkReplaced(inClaim: number) }
    }

    /// - Throws: ``Refusal/claimChanging(_:)`` for a claim that is no longer as the caller knows it.
    func repool(_ claim: Claim, as request: ClaimRequest) throws {
        try db.run(
            """
            UPDATE claim SET pool = ?, numa = ?
            WHERE number = ? AND generation = ? AND state IN ('bound', 'inUse')
            """,
            [request.pool.name, request.numa.description, Claim.number(of: claim.id), claim.generation])
        guard db.changesCount == 1 else { throw Refusal.claim(claim.id, .changing) }
    }
}

/// The records of ended claims.
extension ClaimTable {
    /// Ended claims that are older than others, or ended before a time. Never the newest claim: the next would get its number.
    ///
    /// - Parameters:
    ///   - count: how many of the ended are to stay.
    ///   - time: seconds since 1970.
    func outdated(beyond count: Int, endedBefore time: Int, limit: Int) throws -> [Int] {
        try Int.fetchAll(
            db,
            sql: """
                SELECT number FROM claim
                WHERE state = 'released' AND number < (SELECT max(number) FROM claim) AND (endedAt < ? OR number <= (
                    SELECT number FROM claim WHERE state = 'released' ORDER BY number DESC LIMIT 1 OFFSET ?))
                ORDER BY number LIMIT ?
                """, arguments: [time, count, limit])
    }

    func forget(_ numbers: [Int]) throws {
        for number in numbers { try db.run("DELETE FROM claim WHERE number = ? AND state = 'released'", [number]) }
    }
}

/// The lives of claims that expire. Their ends are in seconds since the boot.
extension ClaimTable {
    /// - Returns: whether the claim expires and is held by its owner. Otherwise nothing is written.
    func renew(claim number: Int, bootID: String, sinceBoot: Int) throws -> Bool {
        try db.execute(
            sql: """
                UPDATE claim SET endsAt = ? + ttl, endsInBoot = ?
                WHERE number = ? AND ttl IS NOT NULL AND state IN ('bound', 'inUse')
                """,
            arguments: [sinceBoot, bootID, number])
        return db.changesCount == 1
    }

    func ended(sinceBoot: Int) throws -> (claims: [String], next: Int?) {
        // SQLite does not conclude from the states that the claim is in the index of those that are not released.
        let condition = "ttl IS NOT NULL AND state <> 'released' AND state IN ('bound', 'inUse') AND endsAt"
        let numbers = try Int.fetchAll(
            db, sql: "SELECT number FROM claim WHERE \(condition) <= ? ORDER BY endsAt", arguments: [sinceBoot])
        let next = try Int.fetchOne(
            db, sql: "SELECT min(endsAt) FROM claim WHERE \(condition) > ?", arguments: [sinceBoot])
        return (numbers.map(Claim.id), next)
    }

    func adoptLives(bootID: String, sinceBoot: Int) throws {
        try db.execute(
            sql: """
                UPDATE claim SET endsAt = ? + ttl, endsInBoot = ?
                WHERE ttl IS NOT NULL AND state <> 'released' AND endsInBoot IS NOT ?
                """,
            arguments: [sinceBoot, bootID, bootID])
    }
}

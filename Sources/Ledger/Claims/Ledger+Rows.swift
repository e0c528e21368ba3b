// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// Makes claims from rows.
extension Ledger {
    static func claim(_ number: Int, _ db: Database) throws -> Claim? {
        try claims(db, where: "number = ?", andAssignments: "claim = ?", [number]).first
    }

    /// - Parameters:
    ///   - condition: selects the claims, by columns of `claim`; `ORDER BY` may follow.
    ///   - assignmentCondition: selects their rows in `assignment`, with the same arguments.
    static func claims(
        _ db: Database, where condition: String, andAssignments assignmentCondition: String,
        _ arguments: StatementArguments
    ) throws -> [Claim] {
        var claims = try db.map(
            """
            SELECT number, generation, pool, owner, ownerName, numa, state, createdAt, uid, ttl, endsAt, usedInBoot, usedSince
            FROM claim WHERE \(condition)
            """, arguments, claim)
        if claims.isEmpty { return [] }
        let assignments = try db.map(
            """
            SELECT claim, name, address, physicalFunction, vfIndex, iommuGroup, numaNode, isNetwork, settings, original,
                companionOf
            FROM assignment WHERE \(assignmentCondition) ORDER BY claim, slot
            """, arguments, assignment)
        let functions = Dictionary(grouping: assignments, by: \.claim)
        for position in claims.indices {
            claims[position].assignments = functions[claims[position].id]?.map(\.assignment) ?? []
        }
        return claims
    }

    private static func claim(_ columns: inout Columns) throws -> Claim {
        var claim = Claim(
            id: claimID(columns.next()), generation: columns.next(), pool: columns.next(),
            owner: try Owner(columns.next()), ownerName: columns.next(), numa: try NUMAPolicy(columns.next()),
            state: Claim.State(rawValue: columns.next()) ?? .released, createdAt: columns.next(),
            uid: columns.nextOrNil(), assignments: [])
        let (seconds, endsAt): (Int?, Int?) = (columns.nextOrNil(), columns.nextOrNil())
        if let seconds, let endsAt { claim.life = Claim.Life(seconds: seconds, endsAt: endsAt) }
        let (bootID, since): (String?, Int?) = (columns.nextOrNil(), columns.nextOrNil())
        if let bootID, let since { claim.use = Claim.Use(bootID: bootID, since: since) }
        return claim
    }

    private static func assignment(_ columns: inout Columns) throws -> (claim: String, assignment: Assignment) {
        let claim = claimID(columns.next())
        let (name, address): (String, PCIAddress) = (columns.next(), try PCIAddress(columns.next()))
        let (physical, index): (String?, Int?) = (columns.nextOrNil(), columns.nextOrNil())
        var virtual: VirtualFunction?
        if let physical, let index {
            virtual = VirtualFunction(physicalFunction: try PCIAddress(physical), index: index)
        }
        let assignment = Assignment(
            name: name, address: address, virtualFunction: virtual, iommuGroup: columns.next(),
            numaNode: columns.nextOrNil(), isNetwork: columns.next(),
            settings: try settingsTexts.value(of: columns.next()),
            original: try originalTexts.value(of: columns.next()), companionOf: columns.nextOrNil())
        return (claim, assignment)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var assignments: AssignmentTable { AssignmentTable(db: self) }
}

/// The table `assignment`: the functions of live claims.
struct AssignmentTable {
    let db: Database

    static let settingsTexts = RememberedTexts<VFSettings>()
    static let originalTexts = RememberedTexts<OriginalState>()
    /// Follows the name of a replaced claim's device. A device's own name never contains it.
    private static let replacedMark = "~"

    /// The assignments that a condition on columns selects, by claim, in the order of their slots.
    func byClaim(where condition: String, _ arguments: StatementArguments) throws -> [String: [Assignment]] {
        let rows = try db.map(
            """
            SELECT claim, name, address, physicalFunction, vfIndex, iommuGroup, numaNode, isNetwork, settings, original,
                companionOf, card, formers
            FROM assignment WHERE \(condition) ORDER BY claim, slot
            """, arguments, Self.read)
        return Dictionary(grouping: rows, by: \.claim).mapValues { $0.map(\.assignment) }
    }

    private static func read(_ columns: inout Columns) throws -> (claim: String, assignment: Assignment) {
        let claim = Claim.id(columns.next())
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
            original: try originalTexts.value(of: columns.next()), companionOf: columns.nextOrNil(),
            card: CardRows.card(columns.nextOrNil()), formers: try formers(columns.nextOrNil()))
        return (claim, assignment)
    }

    private static func formers(_ text: String?) throws -> [PCIAddress] {
        try text.map { try fromJSON($0) } ?? []
    }

    /// The live claim of each claimed function.
    func holders() throws -> [PCIAddress: Holdings.ClaimReference] {
        var claims: [PCIAddress: Holdings.ClaimReference] = [:]
        let rows = try db.rows(
            """
                SELECT assignment.address, claim.number, claim.owner, claim.ownerName
                FROM assignment JOIN claim ON claim.number = assignment.claim
            """)
        for row in rows {
            claims[try PCIAddress(row["address"])] = Holdings.ClaimReference(
                id: Claim.id(row["number"]), owner: try Owner(row["owner"]), ownerName: row["ownerName"])
        }
        return claims
    }

    /// The numbers of the claims on some PFs' VFs, and on functions without VFs; nil for all.
    func claimNumbers(on cards: Set<PCIAddress>?) throws -> [Int] {
        let place = cards.map { "coalesce(physicalFunction, address) IN (\($0.sqlList))" } ?? "1"
        return try Int.fetchAll(db, sql: "SELECT DISTINCT claim FROM assignment WHERE \(place) ORDER BY claim")
    }

    func remove(ofClaim number: Int) throws { try db.run("DELETE FROM assignment WHERE claim = ?", [number]) }

    /// - Returns: false if the claim is not `bound` or has another generation. Then nothing is written.
    func change(
        _ settings: VFSettings, ofDevice name: String, inClaim number: Int?, generation: Int
    ) throws -> Bool {
        try db.execute(
            sql: """
                UPDATE assignment SET settings = ? WHERE claim = ? AND name = ? AND EXISTS (
                    SELECT 1 FROM claim WHERE number = assignment.claim AND state = 'bound' AND generation = ?)
                """,
            arguments: [try toJSON(settings), number, name, generation])
        return db.changesCount == 1
    }

    /// Frees the names of a claim's devices for a claim that replaces it.
    func markReplaced(inClaim number: Int?) throws {
        try db.run("UPDATE assignment SET name = name || '\(Self.replacedMark)' || claim WHERE claim = ?", [number])
    }

    /// Restores the names that ``markReplaced(inClaim:)`` freed.
    func unmarkReplaced(inClaim number: Int?) throws {
        try db.run(
            """
            UPDATE assignment SET name = substr(name, 1, instr(name, '\(Self.replacedMark)') - 1)
            WHERE claim = ? AND instr(name, '\(Self.replacedMark)') > 0
            """,
            [number])
    }

    /// Writes this boot's group number to each assignment of another boot whose function is present.
    ///
    /// - Returns: functions that now share a group with another owner's function. They keep their old number.
    func adopt(bootID: String, groups: [PCIAddress: Int]) throws -> [PCIAddress] {
        var conflicts: [PCIAddress] = []
        for row in try Row.fetchAll(
            db,
            sql: "SELECT claim, slot, owner, address FROM assignment WHERE bootID <> ? ORDER BY claim, slot",
            arguments: [bootID])
        {
            let address = try PCIAddress(row["address"])
            guard let group = groups[address] else { continue }
            let owner: String = row["owner"]
            try db.groupOwners.add(owner, ofGroup: group, bootID: bootID)
            guard try db.groupOwners.owner(ofGroup: group, bootID: bootID) == owner else {
                conflicts.append(address)
                continue
            }
            try db.run(
                "UPDATE assignment SET bootID = ?, iommuGroup = ? WHERE claim = ? AND slot = ?",
                [bootID, group, row["claim"] as Int, row["slot"] as Int])
        }
        try db.groupOwners.removeUnused()
        return conflicts
    }
}

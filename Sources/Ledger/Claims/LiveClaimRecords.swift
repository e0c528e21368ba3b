// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// Live claims, read in the transaction that writes a new one.
struct LiveClaimRecords: ClaimRecords {
    private let db: Database
    /// JSON, as one argument: the statement is cached and must not depend on how many there are.
    private let replacedNumbers: String

    /// - Parameter replaced: claims that the new one replaces.
    init(besides replaced: [Claim], _ db: Database) throws {
        self.db = db
        // An encoder costs more than the look-ups, and most claims replace none.
        replacedNumbers = replaced.isEmpty ? "[]" : try toJSON(replaced.compactMap { Claim.number(of: $0.id) })
    }

    func functionCount(ofOwner owner: Owner, inPool pool: String) throws -> Int {
        try count(pool, "assignment.owner = ?", owner.description)
    }

    func functionCount(ofUser uid: Int, inPool pool: String) throws -> Int { try count(pool, "claim.uid = ?", uid) }

    private func count(_ pool: String, _ condition: String, _ value: any DatabaseValueConvertible) throws -> Int {
        let sql = """
            SELECT count(*) FROM assignment JOIN claim ON claim.number = assignment.claim
            WHERE companionOf IS NULL AND state <> 'released' AND pool = ? AND \(condition)
                AND claim.number NOT IN (SELECT value FROM json_each(?))
            """
        return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [pool, value, replacedNumbers]) ?? 0
    }

    func firstClaim(ofOwner owner: Owner) throws -> (id: String, uid: Int?)? {
        let sql = """
            SELECT claim.number, claim.uid FROM assignment JOIN claim ON claim.number = assignment.claim
            WHERE assignment.owner = ? ORDER BY claim.number LIMIT 1
            """
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [owner.description])
            .map { (Claim.id($0["number"]), $0["uid"]) }
    }

    func claim(ofDevice name: String, ownedBy owner: Owner) throws -> String? {
        let sql = "SELECT claim FROM assignment WHERE owner = ? AND name = ?"
        return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [owner.description, name])
            .map(Claim.id)
    }

    func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) throws -> [Holdings.ClaimReference] {
        try db.rows(
            """
            SELECT claim.number, claim.owner, claim.ownerName
            FROM assignment JOIN claim ON claim.number = assignment.claim
            WHERE physicalFunction = ? AND json_extract(settings, '$.mac') = ?
            """,
            [physicalFunction.description, mac.description]
        ).map { row in
            Holdings.ClaimReference(
                id: Claim.id(row["number"]), owner: try Owner(row["owner"]), ownerName: row["ownerName"])
        }
    }
}

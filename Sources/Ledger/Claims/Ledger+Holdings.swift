// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// What the ledger knows of who holds what. Open groups, disks and foreign devices are read from the host, and are
    /// empty here.
    public func holdings() async throws -> Holdings {
        try await read { db in
            var holdings = try Self.holdings(db)
            holdings.declared = try Self.declared(db)
            return holdings
        }
    }

    static func holdings(_ db: Database) throws -> Holdings {
        var holdings = Holdings(claims: try liveClaims(db), quarantine: try quarantine(db))
        for row in try db.rows("SELECT physicalFunction, state FROM original") {
            holdings.originals[try PCIAddress(row["physicalFunction"])] = try fromJSON(row["state"])
        }
        return holdings
    }

    /// The live claim of each claimed function.
    static func liveClaims(_ db: Database) throws -> [PCIAddress: Holdings.ClaimReference] {
        var claims: [PCIAddress: Holdings.ClaimReference] = [:]
        let rows = try db.rows(
            """
                SELECT assignment.address, claim.number, claim.owner, claim.ownerName
                FROM assignment JOIN claim ON claim.number = assignment.claim
            """)
        for row in rows {
            claims[try PCIAddress(row["address"])] = Holdings.ClaimReference(
                id: claimID(row["number"]), owner: try Owner(row["owner"]), ownerName: row["ownerName"])
        }
        return claims
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

/// Writes new claims within one transaction.
struct ClaimInsertion: Sendable {
    /// Seconds since 1970.
    let createdAt: Int
    let bootID: String
    /// Seconds since the boot.
    let sinceBoot: Int

    /// Judges a draft by what is recorded, and writes it.
    func insert(
        _ draft: ClaimDraft, as state: Claim.State, beside records: LiveClaimRecords, _ db: Database
    ) throws -> Claim {
        let request = draft.request
        try request.refuseOthersName(records)
        try request.refuseBeyondQuota(records)
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
        let id = Claim.id(number)
        let assignments = try draft.assignments(inClaim: id, beside: records)
        for (position, assignment) in assignments.enumerated() {
            try insert(assignment, at: position, claim: number, owner: request.owner.description, db)
        }
        return Claim(
            id: id, pool: request.pool.name, owner: request.owner, ownerName: request.ownerName,
            numa: request.numa, state: state, createdAt: createdAt, uid: request.uid, life: life,
            assignments: assignments)
    }

    private func insert(
        _ assignment: Assignment, at position: Int, claim: Int, owner: String, _ db: Database
    ) throws {
        try db.groupOwners.add(owner, ofGroup: assignment.iommuGroup, bootID: bootID)
        try db.run(
            """
            INSERT INTO assignment (claim, slot, owner, name, address, bootID, iommuGroup, numaNode, isNetwork,
                physicalFunction, vfIndex, settings, original, companionOf, card)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                claim, position, owner, assignment.name, assignment.address.description, bootID,
                assignment.iommuGroup, assignment.numaNode, assignment.isNetwork,
                assignment.virtualFunction?.physicalFunction.description, assignment.virtualFunction?.index,
                try AssignmentTable.settingsTexts.text(of: assignment.settings),
                try AssignmentTable.originalTexts.text(of: assignment.original), assignment.companionOf,
                try CardRows.text(of: assignment.card),
            ])
    }
}

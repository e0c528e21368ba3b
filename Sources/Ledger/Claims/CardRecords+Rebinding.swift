// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension CardRecords {
    /// Gives a claim other functions for those that it has, or the same ones as functions of the cards that are there: one
    /// commit, with its audit entry.
    ///
    /// - Parameters:
    ///   - moves: each function as it was and as it is from now on.
    ///   - present: the functions that exist, and so have a group in this boot.
    ///   - confirmed: by address: cards that are what is meant there, for everything that is recorded of them.
    /// - Throws: ``Refusal`` if the claim changed meanwhile, or another one has a function or its MAC address.
    public func rebind(
        _ claim: Claim, _ moves: [(from: Assignment, to: Assignment)], present: Set<PCIAddress>,
        confirming confirmed: [PCIAddress: CardIdentity], bootID: String, audit: AuditEntry.Draft
    ) async throws {
        guard let number = Claim.number(of: claim.id) else { throw Refusal.claim(claim.id, .unknown) }
        let at = now()
        try await commits.run { [ownership] db in
            guard try db.claims.claim(number) == claim else { throw Refusal.claim(claim.id, .changing) }
            for (address, card) in confirmed { try db.cardRows.confirm(card, at: address, now: at) }
            for move in moves { try db.assignments.leave(move.from.address, inClaim: number) }
            for (from, to) in moves {
                try refuseCollision(of: to, in: claim, db)
                try db.assignments.move(
                    from, to: to, inClaim: number, bootID: present.contains(to.address) ? bootID : nil)
                let places = [from.address, to.address, to.virtualFunction?.physicalFunction]
                try db.quarantine.endDoubts(of: Set(places.compactMap { $0?.description }), at: at)
            }
            try db.groupOwners.removeUnused()
            ownership.forget()
            try db.audit.write(audit, at: at)
        }
    }

    private func refuseCollision(of assignment: Assignment, in claim: Claim, _ db: Database) throws {
        let holders = try db.rows(
            """
            SELECT claim.number, claim.ownerName FROM assignment JOIN claim ON claim.number = assignment.claim
            WHERE address = ?
            """, [assignment.address.description])
        if let other = holders.first {
            throw Refusal.function(
                assignment.address, .heldByClaim(claim: Claim.id(other["number"]), owner: other["ownerName"]))
        }
        let records = try LiveClaimRecords(besides: [claim], db)
        if let mac = assignment.settings.mac, let physical = assignment.virtualFunction?.physicalFunction,
            let other = try records.claims(ofMAC: mac, on: physical).first(where: { $0.owner != claim.owner })
        {
            throw Refusal.request(.macInUse(mac, physicalFunction: physical, claim: other.id, owner: other.ownerName))
        }
    }
}

extension AssignmentTable {
    /// Precedes an address that a function of a claim has left. No address begins with it.
    private static let leftMark = "left "

    fileprivate func leave(_ address: PCIAddress, inClaim number: Int) throws {
        try db.run(
            "UPDATE assignment SET address = ? || address WHERE claim = ? AND address = ?",
            [Self.leftMark, number, address.description])
    }

    /// - Parameter bootID: nil for a function that does not exist yet: its group is read once it does.
    fileprivate func move(
        _ from: Assignment, to assignment: Assignment, inClaim number: Int, bootID: String?
    ) throws {
        let left = Self.leftMark + from.address.description
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT slot, owner FROM assignment WHERE claim = ? AND address = ?",
                arguments: [number, left])
        else { return }
        let (slot, owner): (Int, String) = (row["slot"], row["owner"])
        let boot = bootID ?? "before a rebind of \(number), \(slot)"
        try db.groupOwners.add(owner, ofGroup: assignment.iommuGroup, bootID: boot)
        try db.run(
            """
            UPDATE assignment SET address = ?, physicalFunction = ?, vfIndex = ?, bootID = ?, iommuGroup = ?,
                numaNode = ?, original = ?, card = ?, formers = ?
            WHERE claim = ? AND slot = ?
            """,
            [
                assignment.address.description, assignment.virtualFunction?.physicalFunction.description,
                assignment.virtualFunction?.index, boot, assignment.iommuGroup, assignment.numaNode,
                try AssignmentTable.originalTexts.text(of: assignment.original), try CardRows.text(of: assignment.card),
                try toJSON(assignment.formers), number, slot,
            ])
    }
}

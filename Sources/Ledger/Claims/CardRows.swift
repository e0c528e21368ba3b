// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var cardRows: CardRows { CardRows(db: self) }
}

/// The rows of `assignment`, `original` and `declared`, by the card that they are about.
struct CardRows {
    let db: Database

    private static let texts = RememberedTexts<CardIdentity>()
    /// The tables that are keyed by a PF's address.
    private static let physicalFunctionTables = ["original", "declared"]
    /// Precedes an address that a row has left. No address begins with it.
    private static let leftMark = "left "

    static func text(of card: CardIdentity?) throws -> String? { try card.map { try texts.text(of: $0) } }

    /// nil for a text that another version wrote and this one cannot read.
    static func card(_ text: String?) -> CardIdentity? { text.flatMap { try? texts.value(of: $0) } }

    /// One entry for each address and identity.
    func recorded(bootID: String) throws -> [RecordedCard] {
        var cards: [Key: RecordedCard] = [:]
        for row in try db.rows(
            """
            SELECT coalesce(physicalFunction, address) AS place, address, vfIndex, numaNode, claim, card, bootID
            FROM assignment ORDER BY claim, slot
            """)
        {
            let key = Key(place: row["place"], card: row["card"])
            var card = try cards[key] ?? key.recorded
            card.functions.append(
                RecordedCard.ClaimedFunction(
                    address: try PCIAddress(row["address"]), vf: row["vfIndex"], numaNode: row["numaNode"],
                    claim: Claim.id(row["claim"])))
            let itsBoot: String = row["bootID"]
            if itsBoot == bootID { card.isOfThisBoot = true }
            cards[key] = card
        }
        for row in try db.rows("SELECT physicalFunction, card FROM original") {
            let key = Key(place: row["physicalFunction"], card: row["card"])
            cards[key] = try cards[key] ?? key.recorded
        }
        for row in try db.rows("SELECT physicalFunction, card, declaration FROM declared") {
            let key = Key(place: row["physicalFunction"], card: row["card"])
            var card = try cards[key] ?? key.recorded
            card.declaredVFs = (try? fromJSON(row["declaration"]) as PFDeclaration)?.vfCount
            cards[key] = card
        }
        return Array(cards.values)
    }

    private struct Key: Hashable {
        let place: String
        let card: String?

        var recorded: RecordedCard {
            get throws { RecordedCard(address: try PCIAddress(place), identity: CardRows.card(card)) }
        }
    }

    func confirm(_ card: CardIdentity, at address: PCIAddress) throws {
        let text = try Self.text(of: card)
        for table in Self.physicalFunctionTables {
            try db.run("UPDATE \(table) SET card = ? WHERE physicalFunction = ?", [text, address.description])
        }
        try db.run(
            "UPDATE assignment SET card = ? WHERE coalesce(physicalFunction, address) = ?", [text, address.description])
    }

    /// Writes the cards' new addresses and identities. All rows leave their addresses before one arrives, so that cards
    /// can change places.
    func apply(_ corrections: [CardSettlement.Correction], bootID: String) throws {
        for correction in corrections { try leave(correction, bootID: bootID) }
        for correction in corrections { try arrive(correction) }
    }

    private func leave(_ correction: CardSettlement.Correction, bootID: String) throws {
        let (place, card) = (correction.card.address.description, try Self.text(of: correction.card.identity))
        for table in Self.physicalFunctionTables {
            try db.run(
                "UPDATE \(table) SET physicalFunction = ? || physicalFunction WHERE physicalFunction = ? AND card IS ?",
                [Self.leftMark, place, card])
        }
        for (before, after) in correction.functions where before != after {
            // The group is another one: its number is read anew, as after a boot.
            let former = "before a move in " + bootID
            if let row = try Row.fetchOne(
                db, sql: "SELECT owner, iommuGroup FROM assignment WHERE address = ? AND bootID = ?",
                arguments: [before.description, bootID])
            {
                try db.groupOwners.add(row["owner"], ofGroup: row["iommuGroup"], bootID: former)
                try db.run("UPDATE assignment SET bootID = ? WHERE address = ?", [former, before.description])
            }
            try db.run(
                "UPDATE assignment SET address = ? || address WHERE address = ?", [Self.leftMark, before.description])
        }
        for (before, after) in correction.places where before != after {
            try db.quarantine.rename(before.description, to: Self.leftMark + before.description)
        }
    }

    private func arrive(_ correction: CardSettlement.Correction) throws {
        let (place, before) = (correction.card.address.description, try Self.text(of: correction.card.identity))
        let (address, card) = (correction.address.description, try Self.text(of: correction.identity))
        let left = Self.leftMark + place
        try db.run(
            "UPDATE original SET physicalFunction = ?, card = ? WHERE physicalFunction = ? AND card IS ?",
            [address, card, left, before])
        if let text = try String.fetchOne(
            db, sql: "SELECT declaration FROM declared WHERE physicalFunction = ? AND card IS ?",
            arguments: [left, before])
        {
            let moved = (try? fromJSON(text) as PFDeclaration).map { $0.naming(correction.address) }
            try db.run(
                "UPDATE declared SET physicalFunction = ?, card = ?, declaration = ? WHERE physicalFunction = ? AND card IS ?",
                [address, card, try moved.map { try toJSON($0) } ?? text, left, before])
        }
        for (before, after) in correction.functions {
            let old = before == after ? before.description : Self.leftMark + before.description
            try db.run(
                """
                UPDATE assignment SET address = ?, card = ?,
                    physicalFunction = CASE WHEN physicalFunction IS NULL THEN NULL ELSE ? END
                WHERE address = ?
                """, [after.description, card, address, old])
        }
        for (before, after) in correction.places where before != after {
            try db.quarantine.rename(Self.leftMark + before.description, to: after.description)
        }
    }
}

extension CardSettlement.Correction {
    /// The new address of each function that has one recorded.
    fileprivate var places: [PCIAddress: PCIAddress] {
        functions.merging([card.address: address]) { first, _ in first }
    }
}

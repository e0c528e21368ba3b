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

    /// One entry for each address and identity, and another one for what is in doubt there.
    func recorded(bootID: String) throws -> [RecordedCard] {
        var cards: [Key: RecordedCard] = [:]
        let doubts = Set(try db.quarantine.doubts().keys.map(\.description))
        for row in try db.rows(
            """
            SELECT coalesce(physicalFunction, address) AS place, address, vfIndex, numaNode, claim, card, bootID
            FROM assignment ORDER BY claim, slot
            """)
        {
            let (address, itsBoot): (String, String) = (row["address"], row["bootID"])
            let key = Key(place: row["place"], card: row["card"], isInDoubt: doubts.contains(address))
            var card = try cards[key] ?? key.recorded
            card.functions.append(
                RecordedCard.ClaimedFunction(
                    address: try PCIAddress(address), vf: row["vfIndex"], numaNode: row["numaNode"],
                    claim: Claim.id(row["claim"])))
            if itsBoot == bootID { card.isOfThisBoot = true }
            cards[key] = card
        }
        for row in try db.rows(
            "SELECT physicalFunction, card, NULL AS declaration FROM original UNION ALL "
                + "SELECT physicalFunction, card, declaration FROM declared")
        {
            let place: String = row["physicalFunction"]
            let key = Key(place: place, card: row["card"], isInDoubt: doubts.contains(place))
            var card = try cards[key] ?? key.recorded
            card.hasState = true
            let text: String? = row["declaration"]
            if let text {
                card.declaredVFs = (try? fromJSON(text) as PFDeclaration)?.vfCount
            }
            cards[key] = card
        }
        return Array(cards.values)
    }

    private struct Key: Hashable {
        let place: String
        let card: String?
        let isInDoubt: Bool

        var recorded: RecordedCard {
            get throws {
                var recorded = RecordedCard(address: try PCIAddress(place), identity: CardRows.card(card))
                recorded.isInDoubt = isInDoubt
                return recorded
            }
        }
    }

    /// Ends the doubts about the card and its functions, too.
    func confirm(_ card: CardIdentity, at address: PCIAddress, now: Int) throws {
        let (text, place) = (try Self.text(of: card), address.description)
        for table in Self.physicalFunctionTables {
            try db.run("UPDATE \(table) SET card = ? WHERE physicalFunction = ?", [text, place])
        }
        let functions = "coalesce(physicalFunction, address) = ?"
        try db.run("UPDATE assignment SET card = ? WHERE \(functions)", [text, place])
        try db.places.accept(at: address)
        let claimed = try String.fetchAll(
            db, sql: "SELECT address FROM assignment WHERE \(functions)", arguments: [place])
        try db.quarantine.endDoubts(of: Set(claimed + [place]), at: now)
    }

    /// Writes the cards' new addresses and identities. All rows leave their addresses before one arrives, so that cards
    /// can change places.
    func apply(_ corrections: [CardSettlement.Correction], bootID: String) throws {
        for correction in corrections { try leave(correction, bootID: bootID) }
        for correction in corrections { try arrive(correction) }
    }

    private func leave(_ correction: CardSettlement.Correction, bootID: String) throws {
        let (place, card) = (correction.card.address.description, try Self.text(of: correction.card.identity))
        for table in Self.physicalFunctionTables where correction.card.hasState {
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
        if correction.card.hasState { try arriveState(of: correction) }
        let card = try Self.text(of: correction.identity)
        for (before, after) in correction.functions {
            let old = before == after ? before.description : Self.leftMark + before.description
            try db.run(
                """
                UPDATE assignment SET address = ?, card = ?,
                    physicalFunction = CASE WHEN physicalFunction IS NULL THEN NULL ELSE ? END,
                    formers = CASE WHEN ? = ? THEN formers ELSE json_insert(coalesce(formers, '[]'), '$[#]', ?) END
                WHERE address = ?
                """,
                [
                    after.description, card, correction.address.description, after.description, before.description,
                    before.description, old,
                ])
        }
        for (before, after) in correction.places where before != after {
            try db.quarantine.rename(Self.leftMark + before.description, to: after.description)
        }
    }

    /// The PF's original state and declaration.
    private func arriveState(of correction: CardSettlement.Correction) throws {
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
    }
}

extension CardSettlement.Correction {
    /// The new address of each function that has one recorded.
    fileprivate var places: [PCIAddress: PCIAddress] {
        functions.merging([card.address: address]) { first, _ in first }
    }
}

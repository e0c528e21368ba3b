// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var places: PlaceTable { PlaceTable(db: self) }
}

/// The table `place`: the card at each address.
struct PlaceTable {
    let db: Database

    func lastLook() throws -> LastLook {
        var look = LastLook()
        for row in try db.rows("SELECT address, card, bootID, former FROM place") {
            // A text of another version is as good as none: the next look writes it anew.
            guard let card = CardRows.card(row["card"]) else { continue }
            let bootID: String? = row["bootID"]
            if let bootID { look.bootID = bootID }
            look.places[try PCIAddress(row["address"])] = LastLook.Place(
                card: card, isPresent: bootID != nil, former: CardRows.card(row["former"]))
        }
        return look
    }

    func replace(_ last: LastLook, by look: LastLook) throws {
        for (address, place) in look.places where last.places[address] != place || last.bootID != look.bootID {
            try db.run(
                "INSERT OR REPLACE INTO place (address, card, bootID, former) VALUES (?, ?, ?, ?)",
                [
                    address.description, try CardRows.text(of: place.card), place.isPresent ? look.bootID : nil,
                    try CardRows.text(of: place.former),
                ])
        }
    }

    /// Makes an address mean the card that is there.
    func accept(at address: PCIAddress) throws {
        try db.run("UPDATE place SET former = NULL WHERE address = ?", [address.description])
    }

    func acceptAll() throws {
        try db.run("DELETE FROM place WHERE bootID IS NULL", [])
        try db.run("UPDATE place SET former = NULL", [])
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var quarantine: QuarantineTable { QuarantineTable(db: self) }
}

/// The tables `quarantine` and `doubt`: the functions in quarantine. Each change is recorded as an event too.
///
/// A doubt about a function's card begins and ends with a look at the cards. It hides another reason, and leaves it there.
struct QuarantineTable {
    let db: Database

    private enum Table: String, CaseIterable { case quarantine, doubt }

    /// By function: the reason; of a function in doubt, the doubt.
    func reasons() throws -> [PCIAddress: String] {
        try reasons(
            """
            SELECT address, reason FROM doubt UNION ALL
            SELECT address, reason FROM quarantine WHERE address NOT IN (SELECT address FROM doubt)
            """)
    }

    /// By function: the doubt.
    func doubts() throws -> [PCIAddress: String] { try reasons("SELECT address, reason FROM doubt") }

    /// By function: the reason that is no doubt.
    func lasting() throws -> [PCIAddress: String] { try reasons("SELECT address, reason FROM quarantine") }

    private func reasons(_ query: String) throws -> [PCIAddress: String] {
        var reasons: [PCIAddress: String] = [:]
        for row in try db.rows(query) { reasons[try PCIAddress(row["address"])] = row["reason"] }
        return reasons
    }

    /// If the function is there already, its first reason stays.
    func add(_ address: PCIAddress, reason: String, since: Int) throws {
        try add(address, to: .quarantine, reason: reason, since: since)
    }

    private func add(_ address: PCIAddress, to table: Table, reason: String, since: Int) throws {
        try db.execute(
            sql: "INSERT INTO \(table.rawValue) (address, reason, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [address.description, reason, since])
        if db.changesCount > 0 {
            try db.events.record(.quarantined, subject: address.description, detail: reason, at: since)
        }
    }

    /// - Parameter detail: the reason, for the event.
    func remove(_ address: PCIAddress, detail: String, at: Int) throws {
        try remove(address, from: Table.allCases, detail: detail, at: at)
    }

    /// The same, without an end of a doubt.
    func removeLasting(_ address: PCIAddress, detail: String, at: Int) throws {
        try remove(address, from: [.quarantine], detail: detail, at: at)
    }

    private func remove(_ address: PCIAddress, from tables: [Table], detail: String, at: Int) throws {
        var hasRemoved = false
        for table in tables {
            try db.execute(
                sql: "DELETE FROM \(table.rawValue) WHERE address = ?", arguments: [address.description])
            if db.changesCount > 0 { hasRemoved = true }
        }
        if hasRemoved, try reasons()[address] == nil {
            try db.events.record(.recovered, subject: address.description, detail: detail, at: at)
        }
    }

    /// Moves a quarantine with its function to another address. A doubt does not move: a card that does is certain.
    func rename(_ address: String, to other: String) throws {
        try db.run("UPDATE OR REPLACE quarantine SET address = ? WHERE address = ?", [other, address])
    }

    /// Ends the doubts about these functions.
    func endDoubts(of functions: Set<String>, at: Int) throws {
        for address in try doubts().keys.sorted() where functions.contains(address.description) {
            try remove(address, from: [.doubt], detail: "it is certain now which card this is", at: at)
        }
    }

    /// Makes these the functions in doubt, and no others.
    func setDoubts(_ doubts: [PCIAddress: CardDoubt], at: Int) throws {
        let over = try self.doubts().keys.filter { doubts[$0] == nil }
        try endDoubts(of: Set(over.map(\.description)), at: at)
        for (address, doubt) in doubts.sorted(by: { $0.key < $1.key }) {
            try add(address, to: .doubt, reason: doubt.description, since: at)
        }
    }
}

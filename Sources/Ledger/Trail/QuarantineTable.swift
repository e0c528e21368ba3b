// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var quarantine: QuarantineTable { QuarantineTable(db: self) }
}

/// The table `quarantine`: the functions in quarantine. Each change is recorded as an event too.
struct QuarantineTable {
    let db: Database

    /// By function: the reason.
    func reasons() throws -> [PCIAddress: String] {
        var reasons: [PCIAddress: String] = [:]
        for row in try db.rows("SELECT address, reason FROM quarantine") {
            reasons[try PCIAddress(row["address"])] = row["reason"]
        }
        return reasons
    }

    /// If the function is there already, its first reason stays.
    func add(_ address: PCIAddress, reason: String, since: Int) throws {
        try db.execute(
            sql: "INSERT INTO quarantine (address, reason, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [address.description, reason, since])
        if db.changesCount > 0 {
            try db.events.record(.quarantined, subject: address.description, detail: reason, at: since)
        }
    }

    /// - Parameter detail: the reason, for the event.
    func remove(_ address: PCIAddress, detail: String, at: Int) throws {
        try db.execute(sql: "DELETE FROM quarantine WHERE address = ?", arguments: [address.description])
        if db.changesCount > 0 {
            try db.events.record(.recovered, subject: address.description, detail: detail, at: at)
        }
    }

    /// Moves a quarantine with its function to another address.
    func rename(_ address: String, to other: String) throws {
        try db.run("UPDATE OR REPLACE quarantine SET address = ? WHERE address = ?", [other, address])
    }

    /// Ends the quarantine of those of the functions that are in it for a doubt.
    func endDoubts(of functions: Set<String>, at: Int) throws {
        for (address, reason) in try reasons()
        where CardDoubt.isReason(reason) && functions.contains(address.description) {
            try remove(address, detail: "it is certain now which card this is", at: at)
        }
    }

    /// Makes the functions in doubt those that are in quarantine for a doubt, and no others.
    func setDoubts(_ doubts: [PCIAddress: CardDoubt], at: Int) throws {
        let over = try reasons().keys.filter { doubts[$0] == nil }
        try endDoubts(of: Set(over.map(\.description)), at: at)
        for (address, doubt) in doubts.sorted(by: { $0.key < $1.key }) {
            try add(address, reason: doubt.description, since: at)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// The functions in quarantine, with the reason of each.
    public func quarantine() async throws -> [PCIAddress: String] { try await read(Self.quarantine) }

    static func quarantine(_ db: Database) throws -> [PCIAddress: String] {
        var reasons: [PCIAddress: String] = [:]
        for row in try db.rows("SELECT address, reason FROM quarantine") {
            reasons[try PCIAddress(row["address"])] = row["reason"]
        }
        return reasons
    }

    /// Puts a function into quarantine. If it is there already, its first reason stays.
    public func quarantine(_ address: PCIAddress, reason: String) async throws {
        let since = timestamp()
        try await commits.run { db in
            try db.execute(
                sql: "INSERT INTO quarantine (address, reason, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [address.description, reason, since])
            if db.changesCount > 0 {
                try Self.record(.quarantined, subject: address.description, detail: reason, at: since, db)
            }
        }
    }

    /// Takes a function out of quarantine.
    ///
    /// - Parameter detail: the reason, for the event.
    public func liftQuarantine(of address: PCIAddress, detail: String) async throws {
        let at = timestamp()
        try await commits.run { db in
            try db.execute(sql: "DELETE FROM quarantine WHERE address = ?", arguments: [address.description])
            if db.changesCount > 0 {
                try Self.record(.recovered, subject: address.description, detail: detail, at: at, db)
            }
        }
    }
}

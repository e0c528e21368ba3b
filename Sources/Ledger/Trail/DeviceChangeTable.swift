// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Database {
    var deviceChanges: DeviceChangeTable { DeviceChangeTable(db: self) }
}

/// The table `deviceChange`: changes of running domains' devices that are not completed.
struct DeviceChangeTable {
    let db: Database

    /// A change replaces an earlier one of the same device.
    func write(_ change: DeviceChange) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO deviceChange (domain, domainName, device, kind) VALUES (?, ?, ?, ?)",
            arguments: [change.domain, change.domainName, change.device, change.kind.rawValue])
    }

    func remove(ofDevice device: String, in domain: String) throws {
        try db.execute(sql: "DELETE FROM deviceChange WHERE domain = ? AND device = ?", arguments: [domain, device])
    }

    /// Ordered by domain and device.
    ///
    /// - Parameter domain: its UUID; nil for every domain's.
    func changes(ofDomain domain: String?) throws -> [DeviceChange] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM deviceChange WHERE domain = ifnull(?, domain) ORDER BY domain, device",
            arguments: [domain]
        ).compactMap { row in
            DeviceChange.Kind(rawValue: row["kind"]).map {
                DeviceChange(domain: row["domain"], domainName: row["domainName"], device: row["device"], kind: $0)
            }
        }
    }
}

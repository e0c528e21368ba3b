// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Records changes. A change replaces an earlier one of the same device.
    public func begin(_ changes: [DeviceChange]) async throws {
        if changes.isEmpty { return }
        try await commits.run { db in
            for change in changes {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO deviceChange (domain, domainName, device, kind) VALUES (?, ?, ?, ?)",
                    arguments: [change.domain, change.domainName, change.device, change.kind.rawValue])
            }
        }
    }

    /// Forgets changes that are done or undone.
    public func end(changesOf devices: some Collection<String> & Sendable, in domain: String) async throws {
        if devices.isEmpty { return }
        try await commits.run { db in
            for device in devices {
                try db.execute(
                    sql: "DELETE FROM deviceChange WHERE domain = ? AND device = ?", arguments: [domain, device])
            }
        }
    }

    /// The recorded changes, ordered by domain and device.
    ///
    /// - Parameter domain: its UUID; nil for every domain's.
    public func deviceChanges(ofDomain domain: String? = nil) async throws -> [DeviceChange] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM deviceChange WHERE domain = ifnull(?, domain) ORDER BY domain, device",
                arguments: [domain]
            ).compactMap { row in
                DeviceChange.Kind(rawValue: row["kind"]).map {
                    DeviceChange(
                        domain: row["domain"], domainName: row["domainName"], device: row["device"], kind: $0)
                }
            }
        }
    }
}

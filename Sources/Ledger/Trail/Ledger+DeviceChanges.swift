// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// A change of a running domain's device. It is recorded before its first step, so that it can be finished or undone
/// after a crash.
public struct DeviceChange: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        /// Being added to the running guest, then to the persistent XML.
        case attaching
        /// Being removed from the running guest, then from the persistent XML.
        case detaching
        /// Being removed from the running guest, together with all its other devices.
        case evicting
        /// Removed from the running guest until it is readmitted or the domain stops; its claim stays.
        case evicted
    }

    /// The UUID, in lower case.
    public let domain: String
    public let domainName: String
    /// The device's name.
    public let device: String
    public let kind: Kind

    public init(domain: String, domainName: String, device: String, kind: Kind) {
        self.domain = domain
        self.domainName = domainName
        self.device = device
        self.kind = kind
    }
}

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

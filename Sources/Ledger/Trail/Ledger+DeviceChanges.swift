// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Records changes. A change replaces an earlier one of the same device.
    public func begin(_ changes: [DeviceChange]) async throws {
        if changes.isEmpty { return }
        try await commits.run { db in
            for change in changes { try db.deviceChanges.write(change) }
        }
    }

    /// Forgets changes that are done or undone.
    public func end(changesOf devices: some Collection<String> & Sendable, in domain: String) async throws {
        if devices.isEmpty { return }
        try await commits.run { db in
            for device in devices { try db.deviceChanges.remove(ofDevice: device, in: domain) }
        }
    }

    /// The recorded changes, ordered by domain and device.
    ///
    /// - Parameter domain: its UUID; nil for every domain's.
    public func deviceChanges(ofDomain domain: String? = nil) async throws -> [DeviceChange] {
        try await queries.run { try $0.deviceChanges.changes(ofDomain: domain) }
    }
}

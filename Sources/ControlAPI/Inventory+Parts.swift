// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What an inventory says before it comes to groups and functions: little, and some of it different at each look.
public struct InventoryHead: Encodable, Sendable {
    var schemaVersion = Inventory.currentVersion
    var host: Inventory.Host
    var iommu: Inventory.IOMMU
    var numaNodes: [Inventory.NUMANode]

    /// - Parameter capturedAt: seconds since 1970.
    public init(of snapshot: HostSnapshot, numaNodes: [NUMANode], capturedAt: Int) {
        host = Inventory.Host(snapshot.host, capturedAt: capturedAt)
        iommu = Inventory.IOMMU(enabled: snapshot.iommu.enabled, kind: snapshot.iommu.kind?.rawValue)
        self.numaNodes = numaNodes.map { Inventory.NUMANode($0) }
    }

    /// The document's text up to where ``Inventory/rest()`` goes on.
    public func opening() throws -> [UInt8] { try JSON.encode(self).dropLast("\n}".utf8.count) + [UInt8(ascii: ",")] }
}

extension Inventory {
    private struct Rest: Encodable {
        let iommuGroups: [Group]
        let functions: [Function]
        let warnings: [String]
    }

    /// The document's text from where ``InventoryHead/opening()`` left off.
    public func rest() throws -> [UInt8] {
        Array(try JSON.encode(Rest(iommuGroups: iommuGroups, functions: functions, warnings: warnings)).dropFirst())
    }
}

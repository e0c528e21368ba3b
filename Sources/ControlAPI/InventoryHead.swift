// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The short first part of an inventory, before groups and functions. Some of it differs at each reading.
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

    /// The document's text up to where ``InventoryBody/text()`` goes on.
    public func opening() throws -> [UInt8] { try JSON.encode(self).dropLast("\n}".utf8.count) + [UInt8(ascii: ",")] }
}

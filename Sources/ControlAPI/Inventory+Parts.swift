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

    /// The document's text up to where ``Inventory/rest()`` goes on.
    public func opening() throws -> [UInt8] { try JSON.encode(self).dropLast("\n}".utf8.count) + [UInt8(ascii: ",")] }
}

extension InventoryHead {
    fileprivate init(of inventory: Inventory) {
        host = inventory.host
        iommu = inventory.iommu
        numaNodes = inventory.numaNodes
    }
}

extension Inventory {
    /// The document as ``JSON/encode(_:pretty:)`` writes it, made on all cores.
    public func text() throws -> [UInt8] { try InventoryHead(of: self).opening() + rest() }

    /// The document's text from where ``InventoryHead/opening()`` left off.
    public func rest() throws -> [UInt8] {
        var text = try Self.field("iommuGroups", iommuGroups)
        text.append(UInt8(ascii: ","))
        text += try Self.field("functions", functions)
        text.append(UInt8(ascii: ","))
        text += try Self.field("warnings", warnings)
        text += "\n}".utf8
        return text
    }

    /// Entries as a list within a document: `{"entries": […]}`.
    private struct Entries<Entry: Encodable & Sendable>: Encodable {
        let entries: [Entry]
    }

    /// A field of the document, on lines of its own.
    private static func field<Entry: Encodable & Sendable>(_ name: String, _ entries: [Entry]) throws -> [UInt8] {
        let opening = #"{\#n  "entries": ["#.utf8.count
        let closing = "\n  ]\n}".utf8.count
        let slices = try entries.inSlices { slice in
            try JSON.encode(Entries(entries: Array(slice))).dropFirst(opening).dropLast(closing)
        }
        return Array("\n  \"\(name)\": [".utf8) + slices.joined(separator: [UInt8(ascii: ",")])
            + (slices.isEmpty ? "]" : "\n  ]").utf8
    }
}

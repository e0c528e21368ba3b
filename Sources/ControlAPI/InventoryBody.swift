// SPDX-License-Identifier: GPL-3.0-or-later

/// The long second part of an inventory: groups, functions and warnings.
public struct InventoryBody {
    private let inventory: Inventory

    public init(of inventory: Inventory) { self.inventory = inventory }

    /// The document's text from where ``InventoryHead/opening()`` left off, made on all cores.
    public func text() throws -> [UInt8] {
        var text = try Self.field("iommuGroups", inventory.iommuGroups)
        text.append(UInt8(ascii: ","))
        text += try Self.field("functions", inventory.functions)
        text.append(UInt8(ascii: ","))
        text += try Self.field("warnings", inventory.warnings)
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

extension Inventory {
    /// The document as ``JSON/encode(_:pretty:)`` writes it, made on all cores.
    public func text() throws -> [UInt8] { try InventoryHead(of: self).opening() + InventoryBody(of: self).text() }
}

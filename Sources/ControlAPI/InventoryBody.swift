// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import Wire

/// The long second part of an inventory: groups, functions and warnings.
///
/// Each entry is described, written and dropped on one core: a large host has megabytes of descriptions.
public struct InventoryBody: Sendable {
    private let snapshot: HostSnapshot
    private let describer: FunctionDescriber
    private let claims: [PCIAddress: String]

    /// Parameters as for an ``Inventory``.
    public init(
        of snapshot: HostSnapshot, names: any PCINameSource, claims: [PCIAddress: String] = [:],
        uses: HostUses = HostUses()
    ) {
        self.snapshot = snapshot
        self.claims = claims
        describer = FunctionDescriber(snapshot: snapshot, names: names, uses: uses)
    }

    /// The document's text from where ``InventoryHead/opening()`` left off.
    public func text() throws -> [UInt8] {
        let parts = try parts()
        var text: [UInt8] = []
        text.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { text += part }
        return text
    }

    /// The same in parts, which are made on all cores.
    public func parts() throws -> [[UInt8]] {
        let groups = try Self.list("iommuGroups", snapshot.iommuGroups, endingWith: ",") { json, group in
            Inventory.Group(group, on: snapshot).write(to: &json)
        }
        let functions = try Self.list("functions", snapshot.functions, endingWith: ",") { json, function in
            try describer.description(of: function, claim: claims[function.address]).write(to: &json)
        }
        return try groups + functions
            + Self.list("warnings", snapshot.warnings, endingWith: "\n}") { json, warning in json.write(warning) }
    }

    /// A field of the document, with lines of its own.
    private static func list<Entry: Sendable>(
        _ name: String, _ entries: [Entry], endingWith end: String,
        _ write: @Sendable (inout JSONText, Entry) throws -> Void
    ) throws -> [[UInt8]] {
        let slices = try entries.inSlices { slice -> [UInt8] in
            var json = JSONText(insideListAt: 2, isContinued: slice.startIndex > 0)
            for entry in slice {
                json.entry(at: 2)
                try write(&json, entry)
            }
            return json.bytes
        }
        return [Array("\n  \"\(name)\": [".utf8)] + slices
            + [Array(((slices.isEmpty ? "]" : "\n  ]") + end).utf8)]
    }
}

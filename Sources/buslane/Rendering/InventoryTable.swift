// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

/// The inventory as a table: a row for each function.
struct InventoryTable {
    private let functions: [FunctionDocument]
    private let marks: GroupMarks
    private let owners: [String: String]?

    /// - Parameter owners: by claim, its owner's name; nil if unknown.
    init(of inventory: Inventory, owners: [String: String]? = nil) {
        functions = inventory.functions
        marks = GroupMarks(of: inventory)
        self.owners = owners
    }

    func rendered(_ style: Style) -> String {
        Table(
            columns: [
                .init("ADDRESS", isWhole: true), .init("KIND"), .init("DRIVER"), .init("GROUP", isWhole: true),
                .init("NODE", expendability: 1), .init("INTERFACE", expendability: 5),
                .init("CLAIM", expendability: 2), .init("USED BY", expendability: 3),
                .init("DEVICE", expendability: 4, shrinks: true),
            ],
            rows: functions.map { function in
                [
                    function.address.description, function.kindInShort, function.driver ?? "-",
                    marks.text(function.iommuGroup) ?? "-", function.numaNode.map(String.init) ?? "-",
                    function.ports.map(\.name).joined(separator: " ").orDash, function.claim ?? "-",
                    function.user(owners: owners) ?? "-", function.deviceName,
                ]
            },
            whenEmpty: "no PCI functions",
            footnotes: marks.footnotes(for: functions)
        ).rendered(style)
    }
}

extension FunctionDocument {
    /// `PF 2/64`, `VF 3`, `bridge`, or `-`.
    var kindInShort: String {
        if let sriov { return "PF \(sriov.numVFs)/\(sriov.totalVFs)" }
        if let virtualFunction { return "VF \(virtualFunction.index.map(String.init) ?? "?")" }
        return isBridge ? "bridge" : "-"
    }

    var isBridge: Bool { self.class?.id.hasPrefix("06") == true }

    /// The guest that has the function open. If none has: the claim's owner. Without a claim: what else uses the function.
    func user(owners: [String: String]?) -> String? {
        let owner = claim.flatMap { owners?[$0] }
        if let guest = holders.first(where: { $0.kind == .domain }) { return guest.name }
        if let owner { return owner }
        guard let first = holders.first else { return nil }
        return holders.count == 1 ? first.name : "\(first.name) +\(holders.count - 1)"
    }

    /// Its name, or its ids with `????` for one that is unknown.
    var deviceName: String { device?.name ?? "\(vendor?.id ?? "????"):\(device?.id ?? "????")" }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

extension Inventory {
    /// A row for each function.
    ///
    /// - Parameter owners: by claim, its owner's name; nil if unknown.
    func table(owners: [String: String]? = nil) -> Table {
        let marks = GroupMarks(of: self)
        return Table(
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
                    function.interfaces.map(\.name).joined(separator: " ").orDash, function.claim ?? "-",
                    function.user(owners: owners) ?? "-", function.deviceName,
                ]
            },
            whenEmpty: "no PCI functions",
            footnotes: marks.footnotes(for: functions))
    }
}

/// Group numbers for people: `5`, or `5!` for a group that is not viable.
struct GroupMarks {
    private let notViable: Set<Int>

    init(of inventory: Inventory) { notViable = Set(inventory.iommuGroups.lazy.filter { !$0.viable }.map(\.id)) }

    static let meaning = "! not viable: its group has a function on a host driver"

    func isMarked(_ group: Int?) -> Bool { group.map(notViable.contains) ?? false }

    func text(_ group: Int?) -> String? { group.map { "\($0)\(isMarked($0) ? "!" : "")" } }

    /// The mark's meaning, if one of these functions has the mark.
    func footnotes(for functions: [Inventory.Function]) -> [String] {
        functions.contains { isMarked($0.iommuGroup) } ? [Self.meaning] : []
    }
}

extension Inventory.Function {
    /// `PF 2/64`, `VF 3`, `bridge`, or `-`.
    var kindInShort: String {
        if let sriov { return "PF \(sriov.numVFs)/\(sriov.totalVFs)" }
        if let virtualFunction { return "VF \(virtualFunction.index)" }
        return isBridge ? "bridge" : "-"
    }

    var isBridge: Bool { self.class.id.hasPrefix("06") }

    /// The claim's owner; else what uses the function; else its claim.
    func user(owners: [String: String]?) -> String? {
        if let owner = claim.flatMap({ owners?[$0] }) { return owner }
        guard let first = holders.first else { return nil }
        return holders.count == 1 ? first.name : "\(first.name) +\(holders.count - 1)"
    }

    var deviceName: String { device.name ?? "\(vendor.id):\(device.id)" }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI

/// Group numbers for people: `5`, or `5!` for a group that is not viable.
struct GroupMarks {
    private let notViable: Set<Int>

    init(of inventory: Inventory) { notViable = Set(inventory.iommuGroups.lazy.filter { !$0.viable }.map(\.id)) }

    static let meaning = "! not viable: its group has a function on a host driver"

    func isMarked(_ group: Int?) -> Bool { group.map(notViable.contains) ?? false }

    func text(_ group: Int?) -> String? { group.map { "\($0)\(isMarked($0) ? "!" : "")" } }

    /// The mark's meaning, if one of these functions has the mark.
    func footnotes(for functions: [FunctionDocument]) -> [String] {
        functions.contains { isMarked($0.iommuGroup) } ? [Self.meaning] : []
    }
}

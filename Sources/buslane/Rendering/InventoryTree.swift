// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import PrintableText

/// The inventory as a tree: root ports and bridges down to VFs, indented. A function whose parent is not shown stands at the
/// left.
struct InventoryTree {
    private let functions: [FunctionDocument]
    /// By parent, nil for the functions at the left.
    private let children: [PCIAddress?: [FunctionDocument]]
    private let marks: GroupMarks
    private let owners: [String: String]

    /// - Parameter owners: by claim, its owner's name.
    init(of inventory: Inventory, owners: [String: String] = [:]) {
        functions = inventory.functions
        marks = GroupMarks(of: inventory)
        self.owners = owners
        let known = Set(functions.map(\.address))
        // A VF's parent is its PF; any other function's is the bridge above it.
        children = Dictionary(grouping: functions) { function in
            [function.virtualFunction?.physicalFunction, function.parent].lazy.compactMap(\.self)
                .first { known.contains($0) && $0 != function.address }
        }
    }

    func rendered(_ style: Style) -> String {
        guard !functions.isEmpty else { return "no PCI functions\n" }
        var text = ""
        var shown: Set<PCIAddress> = []
        func show(_ function: FunctionDocument, stem: String, indent: String) {
            // A ring of parents would never end.
            guard shown.insert(function.address).inserted else { return }
            text += line(for: function, stem: stem, style) + "\n"
            let below = children[function.address] ?? []
            for (index, child) in below.enumerated() {
                let isLast = index == below.count - 1
                show(
                    child, stem: indent + (isLast ? style.branch.last : style.branch.middle),
                    indent: indent + (isLast ? "   " : style.branch.through))
            }
        }
        for root in children[nil] ?? [] { show(root, stem: "", indent: "") }
        // Functions in a ring are below no root.
        for function in functions { show(function, stem: "", indent: "") }
        for note in marks.footnotes(for: functions) {
            text += style.ink(.dim, style.clipped(note, to: style.width)) + "\n"
        }
        return text
    }

    /// One function's line. If it is too wide, the device's name is cut, then whole facts are left out from the end.
    private func line(for function: FunctionDocument, stem: String, _ style: Style) -> String {
        let address = function.address.description
        var room = style.width - stem.columns - address.columns
        guard room >= 0 else { return style.clipped(stem + address, to: style.width) }
        let claim = function.claim.map { claim in
            "claim \(claim)" + (owners[claim].map { " of \($0)" } ?? "")
        }
        let interfaces = function.ports.map(\.name).joined(separator: " ")
        let facts = [
            function.kindInShort, marks.text(function.iommuGroup).map { "group \($0)" } ?? "no group",
            function.driver ?? "no driver", claim, interfaces.isEmpty ? nil : interfaces,
            function.claim == nil ? function.user(owners: nil).map { "used by \($0)" } : nil,
        ]
        var text = style.ink(.dim, stem) + style.bold(address)
        for fact in facts.compactMap({ $0?.printable }) where fact != "-" && fact.columns + 2 <= room {
            text += "  " + fact
            room -= fact.columns + 2
        }
        // A shorter part of a name is of no use.
        if room >= 14 { text += "  " + style.ink(.dim, style.clipped(function.deviceName.printable, to: room - 2)) }
        return text
    }
}

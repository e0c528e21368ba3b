// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

extension Inventory {
    /// Root ports and bridges down to VFs, indented; a function whose parent is not shown stands at the left.
    ///
    /// - Parameter owners: by claim, its owner's name.
    func tree(_ style: Style, owners: [String: String] = [:]) -> String {
        guard !functions.isEmpty else { return "no PCI functions\n" }
        let marks = GroupMarks(of: self)
        let known = Set(functions.map(\.address))
        var below: [PCIAddress?: [Function]] = [:]
        for function in functions {
            // A VF's parent is its PF; any other function's is the bridge above it.
            let above = [function.virtualFunction?.physicalFunction, function.parent].lazy.compactMap(\.self)
                .first { known.contains($0) && $0 != function.address }
            below[above, default: []].append(function)
        }

        var text = ""
        var shown: Set<PCIAddress> = []
        func show(_ function: Function, stem: String, indent: String) {
            // A ring of parents would never end.
            guard shown.insert(function.address).inserted else { return }
            text += line(for: function, stem: stem, marks, style, owners) + "\n"
            let children = below[function.address] ?? []
            for (index, child) in children.enumerated() {
                let isLast = index == children.count - 1
                show(
                    child, stem: indent + (isLast ? style.branch.last : style.branch.middle),
                    indent: indent + (isLast ? "   " : style.branch.through))
            }
        }
        for root in below[nil] ?? [] { show(root, stem: "", indent: "") }
        // Functions in a ring are below no root.
        for function in functions { show(function, stem: "", indent: "") }
        for note in marks.footnotes(for: functions) {
            text += style.ink(.dim, style.clipped(note, to: style.width)) + "\n"
        }
        return text
    }

    /// One function's line. If it is too wide, the device's name is cut, then whole facts are left out from the end.
    private func line(
        for function: Function, stem: String, _ marks: GroupMarks, _ style: Style, _ owners: [String: String]
    ) -> String {
        let address = function.address.description
        var room = style.width - stem.columns - address.columns
        guard room >= 0 else { return style.clipped(stem + address, to: style.width) }
        let claim = function.claim.map { claim in
            "claim \(claim)" + (owners[claim].map { " of \($0)" } ?? "")
        }
        let interfaces = function.interfaces.map(\.name).joined(separator: " ")
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

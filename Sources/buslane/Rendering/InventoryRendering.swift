// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

extension Inventory {
    var table: Table {
        Table(
            columns: [
                .init("ADDRESS"), .init("KIND"), .init("DRIVER"), .init("GROUP"), .init("NODE", expendability: 1),
                .init("INTERFACE", expendability: 4), .init("CLAIM", expendability: 2),
                .init("DEVICE", expendability: 3, shrinks: true),
            ],
            rows: functions.map { function in
                [
                    function.address.description, function.kindInShort, function.driver ?? "-",
                    function.iommuGroup.map { "\($0)\(isViable($0) ? "" : "!")" } ?? "-",
                    function.numaNode.map(String.init) ?? "-",
                    function.interfaces.map(\.name).joined(separator: " ").orDash, function.claim ?? "-",
                    function.deviceName,
                ]
            },
            whenEmpty: "no PCI functions")
    }

    private func isViable(_ group: Int) -> Bool { iommuGroups.first { $0.id == group }?.viable ?? false }

    /// Bridges down to VFs, indented.
    var tree: String {
        var below: [PCIAddress?: [Function]] = [:]
        let known = Set(functions.map(\.address))
        for function in functions {
            // A VF hangs under its PF, everything else under the bridge above it.
            let above = function.virtualFunction?.physicalFunction ?? function.parent
            below[above.flatMap { known.contains($0) ? $0 : nil }, default: []].append(function)
        }
        var lines: [String] = []
        func walk(_ parent: PCIAddress?, indent: String) {
            let children = below[parent] ?? []
            for (index, child) in children.enumerated() {
                let last = index == children.count - 1
                let stem = parent == nil ? "" : indent + (last ? "└─ " : "├─ ")
                let group = child.iommuGroup.map { "group \($0)\(isViable($0) ? "" : "!")" } ?? "no group"
                let facts = [child.driver ?? "no driver", group, child.claim].compactMap(\.self)
                lines.append(
                    "\(stem)\(child.address)  \(child.kindInShort)  \(child.deviceName)  [\(facts.joined(separator: ", "))]"
                )
                walk(child.address, indent: parent == nil ? "" : indent + (last ? "   " : "│  "))
            }
        }
        walk(nil, indent: "")
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Inventory.Function {
    /// `PF 2/64`, `VF 3`, `bridge`, or `-`.
    fileprivate var kindInShort: String {
        if let sriov { return "PF \(sriov.numVFs)/\(sriov.totalVFs)" }
        if let virtualFunction { return "VF \(virtualFunction.index)" }
        return self.class.id.hasPrefix("06") ? "bridge" : "-"
    }

    fileprivate var deviceName: String { device.name ?? "\(vendor.id):\(device.id)" }
}

extension String {
    fileprivate var orDash: String { isEmpty ? "-" : self }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

/// Texts that both pictures share.
extension Topology {
    var summary: String {
        let cells = areas.flatMap { $0.cards.flatMap { [$0.cell] + $0.vfs } + $0.platform }
        let claimed = areClaimsKnown ? ", \(cells.count { $0.use == .claimed }) claimed" : ""
        return "\(cells.count) functions, \(cells.count { $0.function.virtualFunction != nil }) of them VFs\(claimed)"
    }

    /// Facts of the host, the most important first.
    var hostFacts: [String] {
        [
            summary, iommu.enabled ? "IOMMU \(iommu.kind ?? "on")" : "no IOMMU: nothing can be passed through",
            host.kernel.map { "Linux \($0)" },
        ].compactMap(\.self)
    }

    /// The uses that the picture can show. Without a daemon, claims are unknown.
    var legendUses: [Use] { Use.allCases.filter { areClaimsKnown || $0 != .claimed } }

    static let claimsUnknown = "Claims are not known: no daemon was asked."
}

extension Topology.Use {
    /// A cell's sign; for a claimed function its owner's code.
    var sign: String {
        switch self {
        case .claimed: "A"
        case .onVFIO: "v"
        case .unbound: "."
        case .host: "h"
        }
    }

    var meaning: String {
        switch self {
        case .claimed: "claimed, by the owner of that letter"
        case .onVFIO: "free, on a VFIO driver"
        case .unbound: "free, on no driver"
        case .host: "in use by the host's driver"
        }
    }

    func meaning(areClaimsKnown: Bool) -> String {
        switch self {
        case .onVFIO where !areClaimsKnown: "on a VFIO driver"
        case .unbound where !areClaimsKnown: "on no driver"
        default: meaning
        }
    }
}

extension Topology.Area {
    var title: String { id.map { "NUMA node \($0)" } ?? "On no NUMA node" }

    var facts: [String] {
        guard let node else { return [] }
        var facts: [String] = []
        if let cpus = node.cpus { facts.append(cpus.isEmpty ? "no CPUs" : "CPUs \(cpus)") }
        if let free = node.memory?.freeBytes, let total = node.memory?.totalBytes {
            facts.append("\(free.inBinaryUnits) of \(total.inBinaryUnits) free")
        }
        facts += node.hugepages.compactMap { pages in
            guard let total = pages.total, total > 0 else { return nil }
            return "\(pages.pageSizeBytes.inBinaryUnits) pages: \(pages.free.map(String.init) ?? "?") of \(total) free"
        }
        return facts
    }
}

extension Topology.Cell {
    var sign: String { owner?.code ?? use.sign }

    /// Driver, group, interfaces, link: the most important first.
    func facts(_ marks: GroupMarks) -> [String] {
        [
            function.driver ?? "no driver", marks.text(function.iommuGroup).map { "group \($0)" } ?? "no group",
        ] + function.ports.map(\.inWords) + (function.link?.inWords.map { [$0] } ?? [])
    }
}

extension Inventory.Interface {
    fileprivate var inWords: String {
        [name, state, speedMbps.map { $0 >= 1000 ? "\((Double($0) / 1000).plain) Gb/s" : "\($0) Mb/s" }]
            .compactMap(\.self).joined(separator: " ")
    }
}

extension Inventory.Link {
    fileprivate var inWords: String? {
        guard let speedGTs, let width else { return nil }
        var text = "PCIe \(speedGTs.plain) GT/s x\(width)"
        // A link below its maximum is shown.
        if let maxSpeedGTs, let maxWidth, (maxSpeedGTs, maxWidth) != (speedGTs, width),
            maxSpeedGTs > speedGTs || maxWidth > width
        {
            text += " (can \(maxSpeedGTs.plain) x\(maxWidth))"
        }
        return text
    }
}

extension Double {
    /// `16`, `2.5`: without a trailing zero.
    fileprivate var plain: String { self == rounded() && abs(self) < 1e9 ? String(Int(self)) : String(self) }
}

extension Int {
    /// `1 bridge`, `2 bridges`.
    func counted(_ one: String) -> String { "\(self) \(one)\(self == 1 ? "" : "s")" }

    /// `64 GiB`, `1.5 TiB`.
    fileprivate var inBinaryUnits: String {
        var value = Double(self)
        var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
        while value >= 1024, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        return "\(((value * 10).rounded() / 10).plain) \(units.first ?? "B")"
    }
}

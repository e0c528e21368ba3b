// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import PrintableText

/// The picture for a terminal: a box for each area, a line or two for each card, rows of cells for its VFs.
struct TopologyText {
    private let topology: Topology

    init(of topology: Topology) { self.topology = topology }

    func rendered(_ style: Style) -> String {
        guard topology.areas.contains(where: { !$0.cards.isEmpty || !$0.platform.isEmpty }) else {
            return "no PCI functions\n"
        }
        // A wider box is hard to read.
        let width = min(style.width, 140)
        let name = topology.host.name
        var text = joined([name] + topology.hostFacts, within: width).rendered(style, bold: name) + "\n"
        // Within a box: its sides and a space beside each.
        var inside = style
        inside.width = width - 4
        for area in topology.areas {
            text += "\n" + Box(width: width, style: style).drawn(area, rows: rows(of: area, inside))
        }
        return text + "\n" + legend(style, width)
    }

    private func rows(of area: Topology.Area, _ style: Style) -> [Line] {
        var rows: [Line] = []
        for (position, card) in area.cards.enumerated() {
            if position > 0, card.isSliceable || area.cards[position - 1].isSliceable { rows.append(Line()) }
            rows += card.isSliceable ? lines(of: card, style) : [line(of: card.cell, style)]
        }
        if area.cards.isEmpty { rows.append(Line("nothing to hand out here", .dim)) }
        guard !area.platform.isEmpty else { return rows }
        let bridges = area.platform.count(where: \.function.isBridge)
        let others = area.platform.count - bridges
        let counts = [
            bridges > 0 ? bridges.counted("bridge") : nil, others > 0 ? others.counted("platform function") : nil,
        ]
        var line = Line()
        line.add("and \(counts.compactMap(\.self).joined(separator: ", "))", .dim, within: style.width)
        rows += [Line(), line]
        return rows
    }

    /// `0000:5e:00.0  A  nvme, group 9  NVMe SSD Controller PM1733`
    private func line(of cell: Topology.Cell, _ style: Style) -> Line {
        let width = style.width
        var line = heading(of: cell)
        line.add(joined(cell.facts(topology.marks), within: width - line.columns - 2), after: 2, within: width)
        line.add(clipping: cell.function.deviceName.printable, .dim, after: 2, style)
        return line
    }

    private func heading(of cell: Topology.Cell) -> Line {
        var line = Line(cell.function.address.description, .bold)
        line.add("  ")
        line.add(cell.sign, cell.use.ink)
        return line
    }

    private func lines(of card: Topology.Card, _ style: Style) -> [Line] {
        let width = style.width
        var first = heading(of: card.cell)
        let claimed = card.vfs.count { $0.use == .claimed }
        let total =
            card.cell.function.sriov.map { "\(card.vfs.count) of \($0.totalVFs) VFs" } ?? "\(card.vfs.count) VFs"
        let count = claimed > 0 ? "\(total), \(claimed) claimed" : total
        let name = style.clipped(
            card.cell.function.deviceName.printable, to: max(1, width - first.columns - count.columns - 6))
        first.add(name, after: 2, within: width)
        first.add(count, after: max(2, width - first.columns - count.columns), within: width)
        var second = Line("  ")
        second.add(joined(card.cell.facts(topology.marks), within: width - 2), within: width)
        return [first, second] + VFRows(of: card.vfs, marks: topology.marks).lines(width: width)
    }

    private func legend(_ style: Style, _ width: Int) -> String {
        var text = ""
        for use in topology.legendUses {
            text +=
                style.ink(use.ink, use.sign)
                + style.clipped(
                    "  " + use.meaning(areClaimsKnown: topology.areClaimsKnown), to: width - 1) + "\n"
        }
        for note in ["a-b  cells joined by a line share an IOMMU group", GroupMarks.meaning] {
            text += style.clipped(note, to: width) + "\n"
        }
        guard topology.areClaimsKnown else { return text + style.clipped(Topology.claimsUnknown, to: width) + "\n" }
        guard !topology.owners.isEmpty else { return text + "nothing is claimed\n" }
        let table = Table(
            columns: [
                .init("SIGN", isWhole: true), .init("OWNER"), .init("FUNCTIONS"), .init("CLAIMS", shrinks: true),
            ],
            rows: topology.owners.map { [$0.code, $0.name, String($0.functions), $0.claims.joined(separator: " ")] },
            whenEmpty: "")
        var narrowed = style
        narrowed.width = width
        return text + "\n" + table.rendered(narrowed)
    }

    /// As many of these texts as fit, separated by commas.
    private func joined(_ facts: [String], within width: Int) -> Line {
        var line = Line()
        for fact in facts.map(\.printable) {
            let text = line.columns == 0 ? fact : ", " + fact
            guard line.columns + text.columns <= width else { continue }
            line.add(text)
        }
        return line
    }
}

extension Topology.Use {
    var ink: Style.Ink {
        switch self {
        case .claimed: .claimed
        case .onVFIO: .green
        case .unbound: .dim
        case .host: .yellow
        }
    }
}

/// An area's frame, with its title in the upper edge.
private struct Box {
    let width: Int
    let style: Style

    func drawn(_ area: Topology.Area, rows: [Line]) -> String {
        let edge = style.isUnicode ? "─" : "-"
        let side = style.ink(.dim, style.isUnicode ? "│" : "|")
        let corners = style.isUnicode ? ("┌", "┐", "└", "┘") : ("+", "+", "+", "+")
        func line(_ count: Int) -> String { style.ink(.dim, String(repeating: edge, count: max(0, count))) }

        // Corner, edge and space before the title; space, edge and corner after the facts.
        var room = width - 6
        let title = style.clipped(area.title, to: room)
        room -= title.columns
        var top = style.ink(.dim, corners.0 + edge) + " " + style.bold(title) + " "
        for fact in area.facts.map(\.printable) where fact.columns + 3 <= room {
            top += line(1) + " \(fact) "
            room -= fact.columns + 3
        }
        top += line(room + 1) + style.ink(.dim, corners.1)
        let body = rows.map { row in
            side + " " + row.rendered(style) + String(repeating: " ", count: max(0, width - 4 - row.columns)) + " "
                + side
        }
        return ([top] + body + [style.ink(.dim, corners.2) + line(width - 2) + style.ink(.dim, corners.3)])
            .joined(separator: "\n") + "\n"
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Algorithms
import ControlAPI

/// An area with its cards in place: physical functions in wide cards, the rest in narrow ones, the platform as dots.
struct AreaDrawing {
    private let area: Topology.Area
    private let marks: GroupMarks
    private let width: Int
    private var placed: [(card: CardDrawing, x: Int, y: Int)] = []
    private var platformTop: Int?
    private(set) var height = 0

    private static let heading = 56
    private static let dot = 12
    private static let dotStep = 16

    init(of area: Topology.Area, marks: GroupMarks, width: Int) {
        self.area = area
        self.marks = marks
        self.width = width
        let columns = max(1, width / Measure.area)
        var y = Self.heading
        place(area.cards.filter(\.isSliceable), columns: columns, from: &y)
        place(area.cards.filter { !$0.isSliceable }, columns: 2 * columns, from: &y)
        if area.cards.isEmpty { y += 22 }
        if !area.platform.isEmpty {
            platformTop = y + 8
            let perRow = (width - 2 * Measure.padding) / Self.dotStep
            y += 26 + (area.platform.count + perRow - 1) / perRow * Self.dotStep
        }
        height = y + 8
    }

    /// Rows of cards of one height each.
    private mutating func place(_ cards: [Topology.Card], columns: Int, from y: inout Int) {
        let gap = 12
        let cardWidth = (width - 2 * Measure.padding - (columns - 1) * gap) / columns
        for chunk in cards.chunks(ofCount: columns) {
            let row = chunk.map { CardDrawing(of: $0, marks: marks, width: cardWidth) }
            for (column, card) in row.enumerated() {
                placed.append((card, Measure.padding + column * (cardWidth + gap), y))
            }
            y += (row.map(\.height).max() ?? 0) + gap
        }
    }

    /// - Parameter height: its own, or a taller neighbour's.
    func draw(into svg: inout SVGWriter, x: Int, y: Int, height: Int) {
        svg.box("area", x, y, width, height, radius: 14)
        svg.label("h2", x + Measure.padding, y + 34, area.title)
        let titleWidth = area.title.count * 11
        svg.label(
            "quiet small right", x + width - Measure.padding, y + 33,
            area.facts.joined(separator: "  ·  ").fitting(
                width - 2 * Measure.padding - titleWidth, perCharacter: 6.3))
        for (card, dx, dy) in placed { card.draw(into: &svg, x: x + dx, y: y + dy) }
        if area.cards.isEmpty {
            svg.label("quiet", x + Measure.padding, y + Self.heading + 12, "Nothing to hand out here.")
        }
        guard let platformTop else { return }
        svg.label(
            "quiet small", x + Measure.padding, y + platformTop + 4,
            "Bridges and the platform's own functions (\(area.platform.count))")
        let perRow = (width - 2 * Measure.padding) / Self.dotStep
        for (position, cell) in area.platform.enumerated() {
            CellDrawing(of: cell, marks: marks).drawDot(
                into: &svg, x: x + Measure.padding + position % perRow * Self.dotStep,
                y: y + platformTop + 14 + position / perRow * Self.dotStep, size: Self.dot)
        }
    }
}

/// One device: its own cell, its name and facts, and for a physical function its VFs.
struct CardDrawing {
    private let card: Topology.Card
    private let marks: GroupMarks
    private let width: Int

    private static let heading = 70
    private static let chips = 32
    private static let bar = 20

    init(of card: Topology.Card, marks: GroupMarks, width: Int) {
        self.card = card
        self.marks = marks
        self.width = width
    }

    var height: Int {
        guard card.isSliceable else { return Self.heading }
        let rows = (card.vfs.count + Measure.perRow - 1) / Measure.perRow
        let grid = rows == 0 ? 0 : Self.bar + rows * (Measure.cell.height + Measure.cellGap) + 8
        return Self.heading + Self.chips + grid
    }

    func draw(into svg: inout SVGWriter, x: Int, y: Int) {
        svg.box("card", x, y, width, height, radius: 10)
        CellDrawing(of: card.cell, marks: marks).draw(into: &svg, x: x + Measure.cardPadding, y: y + 15)
        let left = x + Measure.cardPadding + Measure.cell.width + 12
        let room = x + width - Measure.cardPadding - left
        svg.label("mono", left, y + 29, card.cell.function.address.description)
        guard card.isSliceable else {
            let facts = ([card.cell.owner?.name].compactMap(\.self) + card.cell.facts(marks)).joined(separator: " · ")
            svg.label("", left, y + 45, facts.fitting(room, perCharacter: 6.6))
            svg.label("quiet small", left, y + 60, card.cell.function.deviceName.fitting(room, perCharacter: 6.2))
            return
        }
        svg.label("quiet", left, y + 48, card.cell.function.deviceName.fitting(room, perCharacter: 6.7))
        let claimed = card.vfs.count { $0.use == .claimed }
        let total = card.cell.function.sriov?.totalVFs ?? card.vfs.count
        let count = "\(card.vfs.count) of \(total) VFs" + (claimed > 0 ? ", \(claimed) claimed" : "")
        svg.label("right", x + width - Measure.cardPadding, y + 29, count)
        drawChips(into: &svg, x: x + Measure.cardPadding, y: y + Self.heading - 4)
        drawGrid(into: &svg, x: x + Measure.cardPadding, y: y + Self.heading + Self.chips, total: max(1, total))
    }

    private func drawChips(into svg: inout SVGWriter, x: Int, y: Int) {
        var left = x
        let owner = card.cell.owner.map { ["owner \($0.name)"] } ?? []
        for fact in owner + card.cell.facts(marks) {
            let length = Int(Double(fact.count) * 6.7) + 18
            guard left + length <= x + width - 2 * Measure.cardPadding else { continue }
            svg.box("chip", left, y, length, 22, radius: 11)
            svg.label(fact.hasPrefix("group") && fact.hasSuffix("!") ? "small warn" : "small", left + 9, y + 15, fact)
            left += length + 6
        }
    }

    /// A bar of the VFs in use, then a cell for each VF.
    private func drawGrid(into svg: inout SVGWriter, x: Int, y: Int, total: Int) {
        guard !card.vfs.isEmpty else { return }
        let room = width - 2 * Measure.cardPadding
        svg.box("track", x, y, room, 5, radius: 2)
        var left = x
        for (style, count) in usage {
            let length = room * count / max(total, card.vfs.count)
            svg.element("rect", ["class": style, "x": left, "y": y, "width": length, "height": 5])
            left += length
        }
        var places: [(x: Int, y: Int)] = []
        for position in card.vfs.indices {
            let column = position % Measure.perRow
            places.append(
                (
                    x + column * (Measure.cell.width + Measure.cellGap) + column / 8 * Measure.blockGap,
                    y + Self.bar + position / Measure.perRow * (Measure.cell.height + Measure.cellGap)
                ))
        }
        // A band under the cells connects those of one group.
        for position in card.vfs.indices.dropLast() where places[position].y == places[position + 1].y {
            guard let group = card.vfs[position].function.iommuGroup,
                group == card.vfs[position + 1].function.iommuGroup
            else { continue }
            svg.box(
                "join", places[position].x - 3, places[position].y - 2,
                places[position + 1].x - places[position].x + Measure.cell.width + 6, Measure.cell.height + 4, radius: 8
            )
        }
        for (vf, place) in zip(card.vfs, places) {
            CellDrawing(of: vf, marks: marks).draw(into: &svg, x: place.x, y: place.y)
        }
    }

    /// VFs by owner and then by use, in the order of the bar.
    private var usage: [(style: String, count: Int)] {
        var counts: [(style: String, count: Int)] = []
        for vf in card.vfs.sorted(by: { $0.rank < $1.rank }) {
            let style = vf.style
            if counts.last?.style == style { counts[counts.count - 1].count += 1 } else { counts.append((style, 1)) }
        }
        return counts.filter { $0.style != "unbound" }
    }
}

extension Topology.Cell {
    fileprivate var rank: String {
        switch use {
        case .claimed: "0" + String(owner?.code.utf8.count ?? 0) + sign
        case .host: "1"
        case .onVFIO: "2"
        case .unbound: "3"
        }
    }
}

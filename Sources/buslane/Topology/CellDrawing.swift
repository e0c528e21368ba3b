// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI

/// One function as a cell: its index above, its sign in the middle, its group below, all of it in the tooltip.
struct CellDrawing {
    private let cell: Topology.Cell
    private let marks: GroupMarks

    init(of cell: Topology.Cell, marks: GroupMarks) {
        self.cell = cell
        self.marks = marks
    }

    func draw(into svg: inout SVGWriter, x: Int, y: Int) {
        let (width, height) = Measure.cell
        let ink = cell.use == .claimed ? " on" : ""
        function(in: &svg) { svg in
            svg.box("cell \(cell.style)", x, y, width, height, radius: 6)
            if let index = cell.function.virtualFunction?.index {
                svg.label("index\(ink)", x + 4, y + 10, String(index))
            }
            let middle = x + width / 2
            if cell.use == .unbound {
                svg.element("circle", ["class": "ring", "cx": middle, "cy": y + 19, "r": 4])
            } else {
                svg.label("sign\(ink)", middle, y + 24, cell.sign)
            }
            let warning = marks.isMarked(cell.function.iommuGroup) && cell.use != .host ? " warn" : ""
            svg.label("group\(ink)\(warning)", middle, y + 36, marks.text(cell.function.iommuGroup) ?? "-")
        }
    }

    /// The cell of a function that cannot be claimed.
    func drawDot(into svg: inout SVGWriter, x: Int, y: Int, size: Int) {
        function(in: &svg) { svg in svg.box("cell \(cell.style)", x, y, size, size, radius: 3) }
    }

    private func function(in svg: inout SVGWriter, _ body: (inout SVGWriter) -> Void) {
        svg.element(
            "g", ["class": "function", "data-address": cell.function.address, "data-use": cell.use.word]
        ) { svg in
            svg.element("title", text: tooltip)
            body(&svg)
        }
    }

    private var tooltip: String {
        let function = cell.function
        let relation = function.virtualFunction.map { place in
            function.kindInShort + (place.physicalFunction.map { " of \($0)" } ?? "")
        }
        let claim = function.claim.map { "claim \($0)" + (cell.owner.map { ", owner \($0.name)" } ?? "") }
        let kind = function.isBridge ? "bridge" : function.sriov.map { "PF, \($0.numVFs) of \($0.totalVFs) VFs" }
        let lines = [function.address.description, relation ?? kind, function.deviceName, claim]
        return (lines.compactMap(\.self) + cell.facts(marks)).joined(separator: "\n")
    }
}

extension Topology.Cell {
    /// The style sheet's class for its box.
    var style: String {
        guard use == .claimed, let owner else { return use.word }
        return "o\(owner.position % PictureStyle.ownerColours)"
    }
}

extension Topology.Use {
    var word: String {
        switch self {
        case .claimed: "claimed"
        case .onVFIO: "vfio"
        case .unbound: "unbound"
        case .host: "host"
        }
    }
}

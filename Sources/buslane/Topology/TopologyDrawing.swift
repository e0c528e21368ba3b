// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

/// The picture for a browser: one file without dependencies, with a tooltip on every function.
struct TopologyDrawing {
    private let topology: Topology

    init(of topology: Topology) { self.topology = topology }

    var svg: String {
        let areas = topology.areas
        // Two areas side by side; the last of an odd number, and a host with one, takes the width.
        let isNarrow = areas.count == 1 && areas.allSatisfy { $0.cards.count { $0.isSliceable } < 2 }
        let width = isNarrow ? Measure.area + 2 * Measure.margin : 2 * Measure.area + Measure.gap + 2 * Measure.margin
        let inner = width - 2 * Measure.margin
        var body = SVGWriter()
        var y = drawHeading(into: &body, inner)
        var position = 0
        while position < areas.count {
            let isAlone = position + 1 == areas.count
            let row = isAlone ? [areas[position]] : [areas[position], areas[position + 1]]
            let drawings = row.map { AreaDrawing(of: $0, marks: topology.marks, width: isAlone ? inner : Measure.area) }
            let height = drawings.map(\.height).max() ?? 0
            for (column, drawing) in drawings.enumerated() {
                drawing.draw(
                    into: &body, x: Measure.margin + column * (Measure.area + Measure.gap), y: y, height: height)
            }
            y += height + Measure.gap
            position += row.count
        }
        y = LegendDrawing(of: topology, width: inner).draw(into: &body, y: y)
        return document(width: width, height: y + Measure.margin, body.text)
    }

    private func drawHeading(into svg: inout SVGWriter, _ width: Int) -> Int {
        svg.label("h1", Measure.margin, 56, topology.host.name.fitting(width, perCharacter: 15))
        let facts = (topology.hostFacts + ["read at \(topology.host.capturedAt)"]).joined(separator: "  ·  ")
        svg.label("quiet", Measure.margin, 80, facts.fitting(width, perCharacter: 6.4))
        return 104
    }

    private func document(width: Int, height: Int, _ body: String) -> String {
        var svg = SVGWriter()
        svg.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height,
                "viewBox": "0 0 \(width) \(height)", "role": "img", "aria-labelledby": "title description",
            ]
        ) { svg in
            svg.element("title", ["id": "title"], text: "PCI topology of \(topology.host.name)")
            svg.element("desc", ["id": "description"], text: description)
            svg.styleSheet(PictureStyle.sheet)
            svg.element("defs") { svg in
                svg.element(
                    "pattern",
                    [
                        "id": "hatch", "width": 6, "height": 6, "patternUnits": "userSpaceOnUse",
                        "patternTransform": "rotate(45)",
                    ]
                ) { svg in
                    svg.element("rect", ["class": "hatchbg", "width": 6, "height": 6])
                    svg.element("line", ["class": "hatchline", "x1": 0, "y1": 0, "x2": 0, "y2": 6])
                }
            }
            svg.box("page", 0, 0, width, height, radius: 0)
            svg.append(body)
        }
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + svg.text
    }

    /// The picture in words, for screen readers.
    private var description: String {
        let parts = topology.areas.map { area in
            let vfs = area.cards.reduce(0) { $0 + $1.vfs.count }
            return "\(area.title): \(area.cards.count.counted("device")), \(vfs.counted("virtual function"))"
        }
        let note = topology.areClaimsKnown ? [] : [Topology.claimsUnknown]
        return ([topology.summary] + parts + note).joined(separator: ". ")
    }
}

/// Lengths of the picture, in its own units.
enum Measure {
    static let margin = 32
    static let gap = 24
    /// An area that holds one column of cards.
    static let area = 684
    static let padding = 18
    static let cell = (width: 34, height: 40)
    static let cellGap = 4
    /// Between blocks of eight.
    static let blockGap = 6
    static let perRow = 16
    static let cardPadding = 16
}

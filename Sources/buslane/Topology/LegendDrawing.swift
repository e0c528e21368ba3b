// SPDX-License-Identifier: GPL-3.0-or-later

/// The meanings of the signs, and the owners.
struct LegendDrawing {
    private let topology: Topology
    private let width: Int

    init(of topology: Topology, width: Int) {
        self.topology = topology
        self.width = width
    }

    /// - Returns: its lower edge.
    func draw(into svg: inout SVGWriter, y: Int) -> Int {
        let left = Measure.margin
        var y = y + 14
        svg.label("h2", left, y, "Legend")
        y = drawSigns(into: &svg, y: y + 14)
        guard topology.areClaimsKnown else {
            svg.label("quiet", left, y + 16, Topology.claimsUnknown)
            return y + 16
        }
        y += 30
        svg.label("h2", left, y, topology.owners.isEmpty ? "Nothing is claimed" : "Owners")
        guard !topology.owners.isEmpty else { return y }
        let columns = max(1, width / 340)
        let columnWidth = width / columns
        for (position, owner) in topology.owners.enumerated() {
            let x = left + position % columns * columnWidth
            let top = y + 14 + position / columns * 34
            svg.box("cell o\(position % PictureStyle.ownerColours)", x, top, 28, 26, radius: 6)
            svg.label("sign on", x + 14, top + 18, owner.code)
            svg.label("", x + 38, top + 11, owner.name.fitting(columnWidth - 50, perCharacter: 6.7))
            let count = owner.functions.counted("function")
            let claims = owner.claims.joined(separator: ", ")
            svg.label(
                "quiet small", x + 38, top + 25,
                "\(count), \(owner.claims.count == 1 ? "claim" : "claims") \(claims)".fitting(
                    columnWidth - 50, perCharacter: 6.2))
        }
        return y + 14 + (topology.owners.count + columns - 1) / columns * 34
    }

    private func drawSigns(into svg: inout SVGWriter, y: Int) -> Int {
        var x = Measure.margin
        var y = y
        /// Takes room for a sample and its text; on the next line if this one is full.
        func place(_ words: String) -> (x: Int, y: Int) {
            let length = 36 + Int(Double(words.count) * 6.5) + 20
            if x > Measure.margin, x + length > Measure.margin + width {
                x = Measure.margin
                y += 32
            }
            defer { x += length }
            return (x, y)
        }
        for use in topology.legendUses {
            let words = use.meaning(areClaimsKnown: topology.areClaimsKnown)
            let at = place(words)
            svg.box("cell \(use == .claimed ? "o0" : use.word)", at.x, at.y, 28, 26, radius: 6)
            if use == .unbound {
                svg.element("circle", ["class": "ring", "cx": at.x + 14, "cy": at.y + 13, "r": 4])
            } else {
                svg.label(use == .claimed ? "sign on" : "sign", at.x + 14, at.y + 18, use.sign)
            }
            svg.label("quiet", at.x + 36, at.y + 17, words)
        }
        let shared = "on common ground: one IOMMU group"
        var at = place(shared)
        svg.box("join", at.x - 3, at.y + 2, 34, 22, radius: 6)
        for box in [at.x, at.x + 15] { svg.box("cell unbound", box, at.y + 5, 13, 16, radius: 3) }
        svg.label("quiet", at.x + 36, at.y + 17, shared)
        let numbers = "below the sign, the IOMMU group; ! is one with a function on a host driver"
        at = place(numbers)
        svg.label("group", at.x + 14, at.y + 17, "12!")
        svg.label("quiet", at.x + 36, at.y + 17, numbers)
        return y + 32
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// Rows under headings. A table that is too wide loses whole columns, the least important first; no line is broken.
struct Table {
    struct Column {
        let heading: String
        /// Columns with the highest number are left out first; 0 is never left out.
        let expendability: Int
        /// May be cut with an ellipsis before any column is left out.
        var shrinks = false
        /// Never cut: readers copy it into the next command.
        var isWhole = false

        init(_ heading: String, expendability: Int = 0, shrinks: Bool = false, isWhole: Bool = false) {
            self.heading = heading
            self.expendability = expendability
            self.shrinks = shrinks
            self.isWhole = isWhole
        }
    }

    var columns: [Column]
    var rows: [[String]]
    /// Printed instead of an empty table.
    var whenEmpty: String
    /// The meanings of marks in the table, one a line.
    var footnotes: [String] = []

    private static let gap = "  "
    /// A narrower column is of no use.
    private static let leastShrunk = 12
    /// The least width of a column that is neither whole nor shrinking.
    private static let leastCut = 4

    mutating func remove(column heading: String) {
        guard let position = columns.firstIndex(where: { $0.heading == heading }) else { return }
        columns.remove(at: position)
        for row in rows.indices { rows[row].remove(at: position) }
    }

    func rendered(_ style: Style) -> String {
        guard !rows.isEmpty else { return style.clipped(whenEmpty, to: style.width) + "\n" }
        let rows = rows.map { $0.map(\.printable) }
        let layout = layout(of: rows, width: style.width)
        var text = style.bold(line(columns.map(\.heading), layout, style)) + "\n"
        for row in rows { text += line(row, layout, style) + "\n" }
        for note in footnotes { text += style.ink(.dim, style.clipped(note, to: style.width)) + "\n" }
        return text
    }

    /// The columns that are shown, each with its width.
    private func layout(of rows: [[String]], width: Int) -> [(column: Int, width: Int)] {
        var natural = columns.map(\.heading.columns)
        for row in rows {
            for (column, cell) in row.enumerated() { natural[column] = max(natural[column], cell.columns) }
        }
        // 1. Leave out columns, the most expendable first, until the rest fits with the shrinking ones at their least.
        let least = columns.indices.map { columns[$0].shrinks ? min(natural[$0], Self.leastShrunk) : natural[$0] }
        var shown = Array(columns.indices)
        while total(shown.map { least[$0] }) > width,
            let victim = shown.filter({ columns[$0].expendability > 0 }).max(by: {
                columns[$0].expendability < columns[$1].expendability
            })
        { shown.removeAll { $0 == victim } }
        // 2. Take the remaining excess from the shrinking columns, then from the widest of the others.
        var layout = shown.map { (column: $0, width: natural[$0]) }
        take(from: &layout, downTo: Self.leastShrunk, width) { columns[$0].shrinks }
        take(from: &layout, downTo: Self.leastCut, width) { !columns[$0].isWhole }
        return layout
    }

    private func take(
        from layout: inout [(column: Int, width: Int)], downTo least: Int, _ width: Int, where may: (Int) -> Bool
    ) {
        var excess = total(layout.map(\.width)) - width
        while excess > 0,
            let widest = layout.indices.filter({ may(layout[$0].column) && layout[$0].width > least }).max(by: {
                layout[$0].width < layout[$1].width
            })
        {
            layout[widest].width -= 1
            excess -= 1
        }
    }

    private func total(_ widths: [Int]) -> Int {
        widths.reduce(0, +) + Self.gap.utf8.count * max(0, widths.count - 1)
    }

    private func line(_ cells: [String], _ layout: [(column: Int, width: Int)], _ style: Style) -> String {
        var text = layout.map { style.padded(cells[$0.column], to: $0.width) }.joined(separator: Self.gap)
        while text.utf8.last == 0x20 { text.unicodeScalars.removeLast() }
        return text
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Rows under headings. Where it is too wide, the least important columns go, whole; no line is broken.
struct Table {
    struct Column {
        let heading: String
        /// Dropped first when the highest; 0 stays.
        let expendability: Int
        /// The last column may be cut with an ellipsis before any is dropped.
        var shrinks = false

        init(_ heading: String, expendability: Int = 0, shrinks: Bool = false) {
            self.heading = heading
            self.expendability = expendability
            self.shrinks = shrinks
        }
    }

    var columns: [Column]
    var rows: [[String]]
    /// Said in place of an empty table.
    var whenEmpty: String

    private static let gap = "  "
    private static let leastShrunk = 12

    func rendered(width: Int) -> String {
        guard !rows.isEmpty else { return whenEmpty + "\n" }
        var shown = Array(columns.indices)
        while total(shown, shrunk: true) > width,
            let victim = shown.filter({ columns[$0].expendability > 0 }).max(by: {
                columns[$0].expendability < columns[$1].expendability
            })
        {
            shown.removeAll { $0 == victim }
        }
        let excess = total(shown, shrunk: false) - width
        let widths = shown.map { column in
            columns[column].shrinks && excess > 0
                ? max(Self.leastShrunk, natural(column) - excess) : natural(column)
        }
        let heading = line(shown.map { columns[$0].heading }, widths)
        return ([Terminal.bold(heading)] + rows.map { row in line(shown.map { row[$0] }, widths) })
            .joined(separator: "\n") + "\n"
    }

    private func natural(_ column: Int) -> Int {
        ([columns[column].heading] + rows.map { $0[column] }).map(\.count).max() ?? 0
    }

    private func total(_ shown: [Int], shrunk: Bool) -> Int {
        let widths = shown.map { column in
            shrunk && columns[column].shrinks ? min(natural(column), Self.leastShrunk) : natural(column)
        }
        return widths.reduce(0, +) + Self.gap.count * max(0, shown.count - 1)
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = zip(cells, widths).map { cell, width in
            let cut = cell.count > width ? cell.prefix(width - 1) + "…" : Substring(cell)
            return cut + String(repeating: " ", count: max(0, width - cut.count))
        }.joined(separator: Self.gap)
        while text.last == " " { text.removeLast() }
        return text
    }
}

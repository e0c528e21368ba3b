// SPDX-License-Identifier: GPL-3.0-or-later
import Algorithms
import HostModel

/// A physical function's VFs as rows of cells: `0000:3b:02.0  VF  0-15  A-A . . v v h .  groups 20-27`.
struct VFRows {
    private let cells: [Topology.Cell]
    private let marks: GroupMarks
    /// Columns that a sign takes.
    private let signWidth: Int

    init(of cells: [Topology.Cell], marks: GroupMarks) {
        self.cells = cells
        self.marks = marks
        signWidth = cells.map(\.sign.columns).max() ?? 1
    }

    /// As many cells a row as fit. The first address and the groups are left out before a row has fewer than eight cells.
    func lines(width: Int) -> [Line] {
        guard !cells.isEmpty else { return [] }
        let sizes = [64, 32, 16, 8]
        if let size = sizes.first(where: { fits($0, width: width, withAddress: true, forGroups: 24) }) {
            return lines(of: size, width, withAddress: true)
        }
        if let size = sizes.first(where: { fits($0, width: width, withAddress: true, forGroups: 0) }) {
            return lines(of: size, width, withAddress: true)
        }
        let size = ([8, 4, 2].first { fits($0, width: width, withAddress: false, forGroups: 0) }) ?? 1
        return lines(of: size, width, withAddress: false)
    }

    private func fits(_ size: Int, width: Int, withAddress: Bool, forGroups most: Int) -> Bool {
        // A row twice as long as needed is no better than one that holds all cells.
        guard size < 2 * cells.count || size == 8 else { return false }
        return rows(of: size).allSatisfy { row in
            let groups = most == 0 ? 0 : min(most, 2 + Self.words(for: groups(of: row)).columns)
            return label(row, withAddress).columns + strip(row).columns + groups <= width
        }
    }

    private func rows(of size: Int) -> [ArraySlice<Topology.Cell>] {
        Array(cells.chunks(ofCount: size))
    }

    private func lines(of size: Int, _ width: Int, withAddress: Bool) -> [Line] {
        let stripWidth = rows(of: size).map { strip($0).columns }.max() ?? 0
        return rows(of: size).map { row in
            var line = label(row, withAddress)
            let strip = strip(row)
            line.add(strip, within: .max)
            var ranges = groups(of: row)
            let whole = ranges.count
            let gap = stripWidth - strip.columns + 2
            while !ranges.isEmpty {
                let words = Self.words(for: ranges) + (ranges.count < whole ? " +\(whole - ranges.count)" : "")
                if line.columns + gap + words.columns <= width {
                    line.add(words, .dim, after: gap, within: width)
                    break
                }
                ranges.removeLast()
            }
            return line
        }
    }

    private func label(_ row: ArraySlice<Topology.Cell>, _ withAddress: Bool) -> Line {
        guard let first = row.first, let last = row.last else { return Line() }
        let most = String(cells.last?.index ?? 0).utf8.count
        func right(_ index: Int) -> String {
            let digits = String(index)
            return String(repeating: " ", count: max(0, most - digits.utf8.count)) + digits
        }
        let range = first.index == last.index ? right(first.index) : right(first.index) + "-" + right(last.index)
        var line = Line("  ")
        if withAddress { line.add(first.function.address.description + "  ", .dim) }
        line.add("VF \(range)  ")
        return line
    }

    /// The signs, joined by a line where two neighbours share a group, in blocks of eight.
    private func strip(_ row: ArraySlice<Topology.Cell>) -> Line {
        var line = Line()
        for position in row.indices {
            let cell = row[position]
            line.add(cell.sign, cell.use.ink)
            guard position + 1 < row.endIndex else { break }
            let isBlockEnd = (position - row.startIndex) % 8 == 7
            let gap = signWidth - cell.sign.columns + (isBlockEnd ? 2 : 1)
            let isJoined =
                cell.function.iommuGroup != nil
                && cell.function.iommuGroup == row[position + 1].function.iommuGroup
            line.add(String(repeating: isJoined ? "-" : " ", count: gap), .dim)
        }
        return line
    }

    /// `20-27`, `28!`, in ascending order.
    private func groups(of row: ArraySlice<Topology.Cell>) -> [String] {
        let known = Set(row.compactMap(\.function.iommuGroup)).sorted()
        var ranges: [String] = []
        var first: Int?
        for (position, group) in known.enumerated() {
            let start = first ?? group
            let next = position + 1 < known.count ? known[position + 1] : nil
            let goesOn = next == group + 1 && marks.isMarked(next) == marks.isMarked(group)
            first = goesOn ? start : nil
            guard !goesOn else { continue }
            ranges.append((start == group ? "\(group)" : "\(start)-\(group)") + (marks.isMarked(group) ? "!" : ""))
        }
        return ranges
    }

    private static func words(for ranges: [String]) -> String {
        guard let only = ranges.first else { return "no group" }
        let isSingle = ranges.count == 1 && !only.contains("-")
        return (isSingle ? "group " : "groups ") + ranges.joined(separator: " ")
    }
}

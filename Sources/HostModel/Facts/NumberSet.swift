// SPDX-License-Identifier: GPL-3.0-or-later

/// A set of CPUs, or of NUMA nodes, as the kernel and libvirt write them: `0-3,8`.
///
/// It takes as much memory as its text: a document can name many sets of all CPUs.
public struct NumberSet: Hashable, Sendable {
    /// Ascending, with gaps in between.
    private var ranges: [ClosedRange<Int>] = []

    public init() {}

    /// Numbers that no host has are left out.
    public init(_ numbers: some Sequence<Int>) {
        for number in Set(numbers).sorted() where (0..<Self.limit).contains(number) { insert(number...number) }
    }

    /// The numbers below another one, which is from 1 to ``limit``.
    public init(below end: Int) {
        let end = min(end, Self.limit)
        if end > 0 { ranges = [0...end - 1] }
    }

    /// Reads `0-3,8`, with libvirt's `^2` to exclude a number; an empty text is the empty set.
    ///
    /// - Returns: nil for anything else, and for numbers that no host has.
    public init?(list: String) {
        guard list.utf8.count <= Self.longestList else { return nil }
        for part in list.filter({ !$0.isWhitespace }).split(separator: ",") {
            let isExcluded = part.hasPrefix("^")
            let ends = part.drop { $0 == "^" }.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                (0..<Self.limit).contains(first), last < Self.limit
            else { return nil }
            if isExcluded { remove(first...last) } else { insert(first...last) }
        }
    }

    /// The number of CPUs that a set can have. Source: VIR_DOMAIN_CPUMASK_LEN, domain_conf.h.
    public static let limit = 16 << 10
    /// Every second number, written out.
    private static let longestList = limit * 3

    /// Ascending.
    public var numbers: [Int] { ranges.flatMap { Array($0) } }
    public var isEmpty: Bool { ranges.isEmpty }

    public func contains(_ number: Int) -> Bool {
        let place = ranges.partitioningIndex { $0.upperBound >= number }
        return place < ranges.count && ranges[place].contains(number)
    }

    public func isSubset(of other: NumberSet) -> Bool { subtracting(other).isEmpty }
    public func isDisjoint(with other: NumberSet) -> Bool { intersection(other).isEmpty }
    public func intersection(_ other: NumberSet) -> NumberSet { subtracting(subtracting(other)) }

    public func subtracting(_ other: NumberSet) -> NumberSet {
        var left = NumberSet()
        var next = 0
        for range in ranges {
            var start = range.lowerBound
            while next < other.ranges.count, other.ranges[next].upperBound < start { next += 1 }
            var position = next
            while position < other.ranges.count, other.ranges[position].lowerBound <= range.upperBound {
                if start < other.ranges[position].lowerBound {
                    left.ranges.append(start...other.ranges[position].lowerBound - 1)
                }
                start = other.ranges[position].upperBound + 1
                position += 1
            }
            if start <= range.upperBound { left.ranges.append(start...range.upperBound) }
        }
        return left
    }

    public func union(_ other: NumberSet) -> NumberSet {
        var all = self
        for range in other.ranges { all.insert(range) }
        return all
    }

    /// The number in a set of one; nil for any other set.
    public var single: Int? {
        guard let first = ranges.first, ranges.count == 1, first.count == 1 else { return nil }
        return first.lowerBound
    }

    private mutating func insert(_ range: ClosedRange<Int>) {
        // Ranges that touch become one.
        let first = ranges.partitioningIndex { $0.upperBound >= range.lowerBound - 1 }
        let end = ranges.partitioningIndex { $0.lowerBound > range.upperBound + 1 }
        guard first < end else { return ranges.insert(range, at: first) }
        let lowest = min(range.lowerBound, ranges[first].lowerBound)
        ranges.replaceSubrange(first..<end, with: [lowest...max(range.upperBound, ranges[end - 1].upperBound)])
    }

    private mutating func remove(_ range: ClosedRange<Int>) {
        let first = ranges.partitioningIndex { $0.upperBound >= range.lowerBound }
        let end = ranges.partitioningIndex { $0.lowerBound > range.upperBound }
        guard first < end else { return }
        var rest: [ClosedRange<Int>] = []
        if ranges[first].lowerBound < range.lowerBound { rest.append(ranges[first].lowerBound...range.lowerBound - 1) }
        if ranges[end - 1].upperBound > range.upperBound {
            rest.append(range.upperBound + 1...ranges[end - 1].upperBound)
        }
        ranges.replaceSubrange(first..<end, with: rest)
    }
}

extension NumberSet: CustomStringConvertible {
    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}

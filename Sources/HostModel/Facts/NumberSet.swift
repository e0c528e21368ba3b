// SPDX-License-Identifier: GPL-3.0-or-later

/// A set of CPUs, or of NUMA nodes, as the kernel and libvirt write them: `0-3,8`.
public struct NumberSet: Hashable, Sendable {
    public private(set) var numbers: Set<Int>

    public init(_ numbers: Set<Int> = []) { self.numbers = numbers }

    /// Reads `0-3,8`, with libvirt's `^2` to exclude a number; an empty text is the empty set.
    ///
    /// - Returns: nil for anything else, and for numbers that no host has.
    public init?(list: String) {
        numbers = []
        for part in list.filter({ !$0.isWhitespace }).split(separator: ",") {
            let isExcluded = part.hasPrefix("^")
            let ends = part.drop { $0 == "^" }.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                (0..<Self.limit).contains(first), last < Self.limit
            else { return nil }
            if isExcluded { numbers.subtract(first...last) } else { numbers.formUnion(first...last) }
        }
    }

    /// Above libvirt's own limit. Source: VIR_DOMAIN_CPUMASK_LEN, domain_conf.h.
    private static let limit = 16 << 10

    public var isEmpty: Bool { numbers.isEmpty }
    public func contains(_ number: Int) -> Bool { numbers.contains(number) }
    public func isSubset(of other: NumberSet) -> Bool { numbers.isSubset(of: other.numbers) }
    public func isDisjoint(with other: NumberSet) -> Bool { numbers.isDisjoint(with: other.numbers) }
    public func intersection(_ other: NumberSet) -> NumberSet { NumberSet(numbers.intersection(other.numbers)) }
    public func subtracting(_ other: NumberSet) -> NumberSet { NumberSet(numbers.subtracting(other.numbers)) }
    public func union(_ other: NumberSet) -> NumberSet { NumberSet(numbers.union(other.numbers)) }

    /// The number in a set of one; nil for any other set.
    public var single: Int? { numbers.count == 1 ? numbers.first : nil }
}

extension NumberSet: CustomStringConvertible {
    public var description: String {
        var ranges: [ClosedRange<Int>] = []
        for number in numbers.sorted() {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}

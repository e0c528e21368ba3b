// SPDX-License-Identifier: GPL-3.0-or-later

/// Some of a PF's VFs, by index: `0-3,5`.
///
/// The format is that of the SR-IOV network device plugin. Indexes are 0-based, as in `ip link … vf INDEX`.
public struct VFRange: Hashable, Sendable, TextCodable {
    /// Ascending, with gaps in between.
    public let ranges: [ClosedRange<Int>]

    /// - Throws: ``MalformedValue`` for a text that is not a list of numbers and ranges up to 65535.
    public init(_ text: String) throws(MalformedValue) {
        let problem = MalformedValue(kind: "range of VFs", text: text, expected: "indexes and ranges, like 0-3,5")
        var ranges: [ClosedRange<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), ends.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }),
                let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }), first <= last,
                last <= 65535
            else { throw problem }
            ranges.append(first...last)
        }
        self.ranges = Self.merged(ranges)
    }

    private static func merged(_ ranges: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
        ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, next in
            if let last = merged.last, next.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...Swift.max(last.upperBound, next.upperBound)
            } else {
                merged.append(next)
            }
        }
    }

    public func contains(_ index: Int) -> Bool { ranges.contains { $0.contains(index) } }

    /// The largest index.
    public var last: Int { ranges.last?.upperBound ?? 0 }

    public var count: Int { ranges.reduce(0) { $0 + $1.count } }

    /// Every index, ascending.
    public var indexes: [Int] { ranges.flatMap { Array($0) } }

    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}

/// A PF by its name or address, with a range of its VFs: `ens1f0`, `ens1f0#0-3,5`.
///
/// Without a range it selects the PF itself and all its VFs.
public struct PFSlice<Name: Hashable & Sendable>: Hashable, Sendable {
    public let name: Name
    public let vfs: VFRange?

    public init(_ name: Name, vfs: VFRange? = nil) {
        self.name = name
        self.vfs = vfs
    }

    /// Reads the name before the last `#` and the range after it.
    public init(
        _ text: String, readingName read: (String) throws(MalformedValue) -> Name
    ) throws(MalformedValue) {
        guard let mark = text.lastIndex(of: "#") else {
            self.init(try read(text))
            return
        }
        self.init(
            try read(String(text[..<mark])), vfs: try VFRange(String(text[text.index(after: mark)...])))
    }

    /// Whether the range contains the function's index, or there is no range.
    func covers(_ function: Function) -> Bool {
        guard let vfs else { return true }
        return function.virtualFunction.map { vfs.contains($0.index) } ?? false
    }
}

extension PFSlice: Codable where Name: Codable {}

extension PFSlice: CustomStringConvertible where Name: CustomStringConvertible {
    public var description: String { name.description + (vfs.map { "#\($0)" } ?? "") }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension ConfigurationReader {
    /// As they are written in a file.
    static let vfKeys = ["range", "mac", "vfDriver", "msixCount"] + VFSettings.sharedKeys

    /// The settings of single VFs of a PF.
    ///
    /// - Parameter vfCount: the PF's VFs; nil if unknown: then no range is too long.
    mutating func vfDeclarations(
        _ list: YAMLCursor, vfCount: Int?
    ) throws(ConfigurationError) -> [VFDeclaration] {
        var declared: [VFDeclaration] = []
        var places = DeclaredRanges()
        for cursor in try list.list() {
            cursor.attempt { (cursor) throws(ConfigurationError) in
                guard let declaration = try vfDeclaration(cursor, vfCount: vfCount) else { return }
                if let (index, place) = places.add(declaration.range, at: cursor.place) {
                    throw cursor.fail("VF \(index) is declared already, at \(place)")
                }
                declared.append(declaration)
            }
        }
        return declared
    }

    /// nil, and a complaint, without a range.
    private mutating func vfDeclaration(
        _ cursor: YAMLCursor, vfCount: Int?
    ) throws(ConfigurationError) -> VFDeclaration? {
        let keys = try cursor.mapping(of: Self.vfKeys, requiring: ["range"])
        let range = keys["range"]?.attempt { (range) throws(ConfigurationError) in
            try Self.range(range, vfCount: vfCount)
        }
        var settings = try cursor.settings(keys)
        settings.mac = keys["mac"]?.attempt { (mac) throws(ConfigurationError) in
            try stationMAC(mac, ofVFs: range?.count ?? 1)
        }
        let driver = keys["vfDriver"]?.attempt { (driver) throws(ConfigurationError) in try driver.driver() }
        // A table has 2048 entries at the most. Source: PCI Local Bus Specification 3.0, 6.8.2.3.
        let msixCount = keys["msixCount"]?.attempt { (count) throws(ConfigurationError) in
            try count.integer(in: 1...2048)
        }
        return range.map { VFDeclaration(range: $0, settings: settings, driver: driver, msixCount: msixCount) }
    }

    private static func range(_ cursor: YAMLCursor, vfCount: Int?) throws(ConfigurationError) -> VFRange {
        let range = try cursor.vfRange()
        guard let vfCount, range.last >= vfCount else { return range }
        throw cursor.fail(
            vfCount == 0
                ? "there is no VF \(range.last): vfCount is 0"
                : "there is no VF \(range.last): vfCount is \(vfCount), so the last is \(vfCount - 1)",
            remedy: "declare more VFs, or a smaller range")
    }

    private mutating func stationMAC(_ cursor: YAMLCursor, ofVFs count: Int) throws(ConfigurationError) -> MACAddress {
        let mac = try cursor.stationMAC()
        guard count == 1 else {
            throw cursor.fail("\(count) VFs cannot have one MAC address", remedy: "give each VF its own range")
        }
        if let earlier = macs.updateValue(cursor.place, forKey: mac) {
            throw cursor.fail("\(mac) is given already, at \(earlier)")
        }
        return mac
    }
}

/// Ranges of VFs that have no VF in common, and where each is declared.
private struct DeclaredRanges {
    /// Ascending.
    private var ranges: [(range: ClosedRange<Int>, place: Place)] = []

    /// Adds a range, unless one of its VFs is declared.
    ///
    /// - Returns: the first VF that is, and where; nil when the range was added.
    mutating func add(_ range: VFRange, at place: Place) -> (index: Int, place: Place)? {
        for part in range.ranges {
            let position = position(of: part)
            guard position < ranges.count, ranges[position].range.overlaps(part) else { continue }
            return (max(part.lowerBound, ranges[position].range.lowerBound), ranges[position].place)
        }
        for part in range.ranges { ranges.insert((part, place), at: position(of: part)) }
        return nil
    }

    /// The first range that does not end before this one begins.
    private func position(of part: ClosedRange<Int>) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].range.upperBound < part.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

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
        var declared: [(declaration: VFDeclaration, place: Place)] = []
        for cursor in try list.list() {
            cursor.attempt { (cursor) throws(ConfigurationError) in
                guard let declaration = try vfDeclaration(cursor, vfCount: vfCount) else { return }
                for earlier in declared {
                    guard let index = declaration.range.firstShared(with: earlier.declaration.range) else { continue }
                    throw cursor.fail("VF \(index) is declared already, at \(earlier.place)")
                }
                declared.append((declaration, cursor.place))
            }
        }
        return declared.map(\.declaration)
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

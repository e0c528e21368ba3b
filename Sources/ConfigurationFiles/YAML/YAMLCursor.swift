// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// One node of a YAML file, with its place for errors.
struct YAMLCursor {
    let file: String
    let node: YAMLNode
    let complaints: Complaints

    private func at(_ node: YAMLNode) -> YAMLCursor { YAMLCursor(file: file, node: node, complaints: complaints) }

    var place: Place { Place(file: file, line: node.mark.line, column: node.mark.column) }

    func fail(_ problem: String, remedy: String? = nil) -> ConfigurationError {
        ConfigurationError(at: place, problem, remedy: remedy)
    }

    /// The result of `read`; nil if there was any error, which is added to the complaints.
    func attempt<Value>(_ read: (YAMLCursor) throws(ConfigurationError) -> Value) -> Value? {
        let before = complaints.count
        do {
            let value = try read(self)
            return complaints.count == before ? value : nil
        } catch {
            complaints.add(error)
            return nil
        }
    }

    /// The values of a mapping by key. An unknown key is an error; its value is read as that of the key that was probably
    /// meant, so that its errors are found too.
    func mapping(
        of keys: [String], requiring required: [String] = []
    ) throws(ConfigurationError) -> [String: YAMLCursor] {
        guard let mapping = node.mapping else { throw fail("expected a mapping with \(keys.joined(separator: ", "))") }
        var values: [String: YAMLCursor] = [:]
        for (key, value) in mapping {
            if let name = key.string, keys.contains(name) {
                values[name] = at(value)
                continue
            }
            let given = key.string ?? "?"
            let known = "known: \(keys.joined(separator: ", "))"
            let meant = Self.meant(by: given, among: keys)
            complaints.add(
                at(key).fail(
                    "unknown key '\(given)'", remedy: meant.map { "did you mean '\($0)'? \(known)" } ?? known))
            if let meant, !mapping.contains(where: { $0.key.string == meant }) { values[meant] = at(value) }
        }
        for name in required where values[name] == nil { complaints.add(fail("has no '\(name)'")) }
        return values
    }

    /// The known key for another tool's word, else the most similar one.
    private static func meant(by given: String, among keys: [String]) -> String? {
        let foreign = foreignWords.first { $0.key.lowercased() == given.lowercased() }?.value ?? []
        return foreign.first(where: keys.contains) ?? given.nearest(among: keys)
    }

    /// Words of the SR-IOV network device plugin, its operator and `ip link`.
    private static let foreignWords: [String: [String]] = [
        "rootDevices": ["physicalFunctions", "addresses"], "pciAddresses": ["addresses"], "nicSelector": ["select"],
        "selectors": ["select"], "selector": ["select"], "numVfs": ["vfCount"], "sriov_numvfs": ["vfCount"],
        "resourceName": ["name"], "deviceID": ["devices"], "deviceType": ["vfDriver", "kinds"], "vlanQoS": ["qos"],
        "vlanProto": ["protocol"],
        "vlanProtocol": ["protocol"], "spoofChk": ["spoofCheck"], "link_state": ["linkState"], "rate": ["maxTxRate"],
        "min_tx_rate": ["minTxRate"], "max_tx_rate": ["maxTxRate"], "virtualFunctions": ["vfs"],
        "sriov_vf_msix_count": ["msixCount"], "msix": ["msixCount"], "serialNumbers": ["serials"],
    ]

    /// - Parameter most: the largest number of entries.
    func list(upTo most: Int = 4096) throws(ConfigurationError) -> [YAMLCursor] {
        guard let sequence = node.sequence else { throw fail("expected a list") }
        guard sequence.count <= most else {
            throw fail("the list has \(sequence.count) entries, and at most \(most) are read")
        }
        return sequence.map(at)
    }

    func string() throws(ConfigurationError) -> String {
        guard let string = node.string, !string.isEmpty else { throw fail("expected a string") }
        return string
    }

    func bool() throws(ConfigurationError) -> Bool {
        if let value = node.bool { return value }
        // In quotes these are strings to YAML; users of the SR-IOV operator write them so.
        switch node.string {
        case "on": return true
        case "off": return false
        default: throw fail("expected true or false")
        }
    }

    func integer(in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        try refuseLeadingZero()
        guard let value = node.int, range.contains(value) else {
            throw fail("expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

extension YAMLCursor {
    /// Refuses a number like 0100, which one reader takes for 64 and another for 100.
    private func refuseLeadingZero() throws(ConfigurationError) {
        guard node.isOctalOrDecimal, let text = node.string else { return }
        let decimal = Int(text.filter { $0 != "_" }) ?? 0
        let octal = node.number ?? decimal
        throw fail(
            "'\(text)' begins with 0, and YAML 1.1 takes such a number for an octal one",
            remedy: octal == decimal ? "write \(decimal)" : "write \(decimal) or \(octal)")
    }

    /// VLAN ids and ranges.
    func vlanRanges() throws(ConfigurationError) -> VLANRanges {
        try refuseListOfRanges()
        try refuseLeadingZero()
        return try value(VLANRanges.self)
    }

    private func refuseListOfRanges() throws(ConfigurationError) {
        guard let parts = node.sequence?.compactMap(\.string), !parts.isEmpty else { return }
        throw fail(
            "expected numbers and ranges in one string", remedy: "write \"\(parts.joined(separator: ","))\"")
    }

    /// Indexes and ranges of VFs.
    func vfRange() throws(ConfigurationError) -> VFRange {
        try refuseListOfRanges()
        try refuseLeadingZero()
        return try value(VFRange.self)
    }

    /// The name of a PCI driver. Whether the host has it is known only there.
    func driver() throws(ConfigurationError) -> String {
        let name = try string()
        if node.isNull || node.bool == false || ["none", "netdevice"].contains(name.lowercased()) {
            throw fail("'\(name)' is not a PCI driver", remedy: "leave the key out: the VFs then have no driver")
        }
        if let meant = PCIDrivers.meant[name] {
            throw fail("'\(name)' is a kernel module, but not a PCI driver", remedy: "did you mean '\(meant)'?")
        }
        guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }), !name.hasPrefix(".") else {
            throw fail(
                "'\(name)' cannot be the name of a driver", remedy: "lspci -k shows the names of drivers")
        }
        return name
    }
}

// MARK: Values of the model

extension YAMLCursor {
    /// Four hexadecimal digits, as lspci -n prints vendor and device ids.
    func pciID() throws(ConfigurationError) -> UInt16 {
        let text = try string()
        guard text.count == 4, let id = UInt16(text, radix: 16) else {
            throw fail("'\(text)' is not a PCI id", remedy: "four hexadecimal digits in quotes, like \"8086\"")
        }
        return id
    }

    func value<Value: TextCodable>(_ type: Value.Type) throws(ConfigurationError) -> Value {
        let text = try string()
        do { return try Value(text) } catch { throw fail(error.description) }
    }

    /// A name or address, with a range of VFs behind a `#` or without.
    func slice<Name: Hashable & Sendable>(
        _ read: (String) throws(MalformedValue) -> Name
    ) throws(ConfigurationError) -> PFSlice<Name> {
        let text = try string()
        do { return try PFSlice(text, readingName: read) } catch { throw fail(error.description) }
    }

    /// One of a few words.
    ///
    /// - Parameter what: their name for the error: `a kind of function`.
    func word<Value: RawRepresentable & CaseIterable>(
        _ type: Value.Type, _ what: String
    ) throws(ConfigurationError) -> Value where Value.RawValue == String {
        let text = try string()
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map(\.rawValue)
        let meant = text.nearest(among: known).map { "did you mean '\($0)'? " } ?? ""
        throw fail("'\(text)' is not \(what)", remedy: meant + "one of \(known.joined(separator: ", "))")
    }

    /// The correct items of a list; each wrong one is a complaint.
    func each<Value>(
        upTo most: Int = 4096, _ read: (YAMLCursor) throws(ConfigurationError) -> Value
    ) throws(ConfigurationError) -> [Value] {
        try list(upTo: most).compactMap { $0.attempt(read) }
    }
}

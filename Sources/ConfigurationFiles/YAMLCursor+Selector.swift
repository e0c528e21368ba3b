// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Selector {
    /// As they are written in a file.
    static let keys = [
        "addresses", "vendors", "devices", "classes", "drivers", "pfNames", "physicalFunctions", "paths", "macs", "vfs",
        "numaNodes", "kinds",
    ]

    /// Each value of these names one card.
    static let keysThatNameACard: Set = ["addresses", "physicalFunctions", "pfNames", "paths", "macs"]
}

extension YAMLCursor {
    func selector() throws(ConfigurationError) -> Selector {
        let keys = try mapping(of: Selector.keys)
        guard !keys.isEmpty else {
            throw fail("an empty selector would mean every function", remedy: "say which: addresses, vendors, …")
        }
        for key in Selector.keys {
            guard let list = keys[key], try list.list().isEmpty else { continue }
            throw list.fail("an empty list selects nothing", remedy: "leave '\(key)' out, or say which")
        }
        return Selector(
            addresses: try keys["addresses"]?.each { (item) throws(ConfigurationError) in try item.address() },
            vendors: try keys["vendors"]?.each { (item) throws(ConfigurationError) in try item.pciID() },
            devices: try keys["devices"]?.each { (item) throws(ConfigurationError) in try item.pciID() },
            classes: try keys["classes"]?.values(ClassPrefix.self),
            drivers: try keys["drivers"]?.each { (item) throws(ConfigurationError) in try item.string() },
            pfNames: try keys["pfNames"]?.each { (item) throws(ConfigurationError) in try item.slice { $0 } },
            physicalFunctions: try keys["physicalFunctions"]?.each { (item) throws(ConfigurationError) in
                try item.slice { (text) throws(MalformedValue) in try PCIAddress(text) }
            },
            paths: try keys["paths"]?.values(SlotPath.self), macs: try keys["macs"]?.values(MACAddress.self),
            vfs: try keys["vfs"]?.values(VFRange.self),
            numaNodes: try keys["numaNodes"]?.each { (item) throws(ConfigurationError) in
                try item.integer(in: 0...65535)
            },
            kinds: try keys["kinds"]?.each { (item) throws(ConfigurationError) in
                try item.word(Selector.Kind.self, "a kind of function")
            })
    }

    private func values<Value: TextCodable>(_ type: Value.Type) throws(ConfigurationError) -> [Value] {
        try each { (item) throws(ConfigurationError) in try item.value(type) }
    }

    /// An address of the function itself; a range behind it would be about other functions.
    private func address() throws(ConfigurationError) -> PCIAddress {
        let text = try string()
        if text.contains("#") {
            throw fail(
                "'\(text)': 'addresses' names functions themselves, not VFs of one",
                remedy: "put it into 'physicalFunctions'")
        }
        return try value(PCIAddress.self)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Selector {
    /// As they are written in a file.
    static let keys = [
        "addresses", "vendors", "devices", "classes", "drivers", "pfNames", "physicalFunctions", "paths", "macs",
        "serials", "vfs", "numaNodes", "kinds",
    ]

    /// Each value of these keys names one function or PF.
    static let keysThatNameACard: Set = ["addresses", "physicalFunctions", "pfNames", "paths", "macs", "serials"]
}

extension YAMLCursor {
    func selector() throws(ConfigurationError) -> Selector {
        let keys = try mapping(of: Selector.keys)
        guard node.mapping?.isEmpty == false else {
            throw fail(
                "an empty selector would mean every function", remedy: "name what to select: addresses, vendors, …")
        }
        return Selector(
            addresses: keys["addresses"]?.entries { (item) throws(ConfigurationError) in try item.address() },
            vendors: keys["vendors"]?.entries { (item) throws(ConfigurationError) in try item.pciID() },
            devices: keys["devices"]?.entries { (item) throws(ConfigurationError) in try item.pciID() },
            classes: keys["classes"]?.values(ClassPrefix.self),
            drivers: keys["drivers"]?.entries { (item) throws(ConfigurationError) in try item.string() },
            pfNames: keys["pfNames"]?.entries { (item) throws(ConfigurationError) in try item.slice { $0 } },
            physicalFunctions: keys["physicalFunctions"]?.entries { (item) throws(ConfigurationError) in
                try item.slice { (text) throws(MalformedValue) in try PCIAddress(text) }
            },
            paths: keys["paths"]?.values(SlotPath.self), macs: keys["macs"]?.values(MACAddress.self),
            serials: keys["serials"]?.values(SerialNumber.self),
            vfs: keys["vfs"]?.entries { (item) throws(ConfigurationError) in try item.vfRange() },
            numaNodes: keys["numaNodes"]?.entries { (item) throws(ConfigurationError) in
                try item.integer(in: 0...65535)
            },
            kinds: keys["kinds"]?.entries { (item) throws(ConfigurationError) in
                try item.word(Selector.Kind.self, "a kind of function")
            })
    }

    private func values<Value: TextCodable>(_ type: Value.Type) -> [Value]? {
        entries { (item) throws(ConfigurationError) in try item.value(type) }
    }

    /// The entries of a list. An error in one list does not hide those in others.
    private func entries<Value>(_ read: (YAMLCursor) throws(ConfigurationError) -> Value) -> [Value]? {
        attempt { (list) throws(ConfigurationError) in
            guard try !list.list().isEmpty else {
                throw list.fail("an empty list selects nothing", remedy: "leave the key out, or list values")
            }
            return try list.each(read)
        }
    }

    /// An address of the function itself, without a range of VFs.
    private func address() throws(ConfigurationError) -> PCIAddress {
        let text = try string()
        if text.contains("#") {
            throw fail(
                "'\(text)': 'addresses' selects functions by their own address, not VFs of a PF",
                remedy: "move it to 'physicalFunctions'")
        }
        return try value(PCIAddress.self)
    }
}

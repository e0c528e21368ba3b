// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A function to put into a domain, and how.
public struct DeviceSpec: Hashable, Sendable {
    /// How libvirt takes the function.
    public enum Kind: String, Hashable, Sendable {
        /// `<interface type='hostdev'>`: a VF of a network card, whose MAC and VLAN libvirt sets and restores.
        case interface
        /// `<hostdev>`: any function; libvirt leaves MAC and VLAN alone.
        case hostdev
    }

    public let address: PCIAddress
    public let kind: Kind
    /// Written into the XML of an interface only. nil lets libvirt choose, and keeps what it chose.
    public let mac: MACAddress?
    /// Written into the XML of an interface only. nil is no VLAN.
    public let vlan: VLANID?
    /// The device's alias is `ua-buslane-` and this.
    public let name: String

    /// - Parameter name: nil for ``defaultName(for:)``.
    /// - Throws: `MalformedValue` for a name that no alias can have, or a MAC address that no VF can have.
    public init(
        address: PCIAddress, kind: Kind, mac: MACAddress? = nil, vlan: VLANID? = nil, name: String? = nil
    ) throws(MalformedValue) {
        self.address = address
        self.kind = kind
        self.mac = try mac.map { mac throws(MalformedValue) in try mac.checkedForStation() }
        self.vlan = vlan
        self.name =
            try name.map { name throws(MalformedValue) in try Self.checkedName(name) }
            ?? Self.defaultName(for: address)
    }

    /// Reads `ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N]`.
    ///
    /// - Parameter kindOf: asked when the text has none of kind, mac and vlan (which make it an interface): a caller
    ///   that knows the function's class can tell. Otherwise a hostdev, which every function can be.
    /// - Throws: `MalformedValue` for an option that is unknown, there twice, or no value of its kind.
    public init(_ text: String, kindOf: (PCIAddress) -> Kind = { _ in .hostdev }) throws(MalformedValue) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let address = try PCIAddress(String(parts.first ?? ""))
        var options: [String: String] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, ["kind", "mac", "vlan", "name"].contains(pair[0]),
                options.updateValue(pair[1], forKey: pair[0]) == nil
            else {
                throw MalformedValue(
                    kind: "device", text: text,
                    expected: "ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N], each once")
            }
        }
        var kind = options["mac"] != nil || options["vlan"] != nil ? Kind.interface : nil
        if let stated = options["kind"] {
            kind = Kind(rawValue: stated)
            guard kind != nil else {
                throw MalformedValue(kind: "device kind", text: stated, expected: "interface or hostdev")
            }
        }
        try self.init(
            address: address, kind: kind ?? kindOf(address),
            mac: options["mac"].map { text throws(MalformedValue) in try MACAddress(text) },
            vlan: options["vlan"].map { text throws(MalformedValue) in try VLANID(text) },
            name: options["name"])
    }

    /// The name of a device that was given none: `0000-3b-10-2` for `0000:3b:10.2`.
    public static func defaultName(for address: PCIAddress) -> String {
        String(address.description.map { $0 == ":" || $0 == "." ? "-" : $0 })
    }

    /// The name, when it can stand in an alias: libvirt drops an alias with other characters without a word.
    static func checkedName(_ name: String) throws(MalformedValue) -> String {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, (1...40).contains(name.utf8.count) else {
            throw MalformedValue(kind: "device name", text: name, expected: "1 to 40 of A-Z, a-z, 0-9, _ and -")
        }
        return name
    }

    /// What the alias of every device that Buslane adds starts with. `ua-` is libvirt's prefix for a user's aliases.
    static let aliasPrefix = "ua-buslane-"

    var alias: String { Self.aliasPrefix + name }
}

extension DeviceSpec: CustomStringConvertible {
    /// The text that parses as this value.
    public var description: String {
        var parts = [address.description, "kind=\(kind.rawValue)"]
        if let mac { parts.append("mac=\(mac)") }
        if let vlan { parts.append("vlan=\(vlan)") }
        return (parts + ["name=\(name)"]).joined(separator: ",")
    }
}

extension MACAddress {
    /// The address, when one station can have it.
    func checkedForStation() throws(MalformedValue) -> MACAddress {
        guard !isMulticast, !isZero else {
            throw MalformedValue(
                kind: "MAC address of a device", text: description, expected: "one that is neither multicast nor zero")
        }
        return self
    }
}

/// A device that Buslane added to a domain: one whose alias starts with `ua-buslane-`.
public struct InjectedDevice: Hashable, Sendable {
    public let name: String
    public let address: PCIAddress
    public let kind: DeviceSpec.Kind
    /// As the XML has it; an interface for which libvirt chose the address has that one.
    public let mac: MACAddress?
    /// nil without a VLAN, and for a trunk, which Buslane never writes.
    public let vlan: VLANID?

    public init(name: String, address: PCIAddress, kind: DeviceSpec.Kind, mac: MACAddress?, vlan: VLANID?) {
        self.name = name
        self.address = address
        self.kind = kind
        self.mac = mac
        self.vlan = vlan
    }
}

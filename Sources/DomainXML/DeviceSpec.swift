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
    /// The alias, `ua-…`, of the virtio interface that stands in for the device while it is away.
    public let failover: String?
    /// The name of the device whose slot in the guest this one shares, as a GPU's sound does: functions of one card,
    /// or of one IOMMU group, that a driver wants side by side.
    public let companionOf: String?
    /// The host's node that the guest is to see the device on, where the guest has nodes; nil leaves its place to
    /// libvirt. A companion is where its leader is.
    public let alignedTo: Int?

    /// - Parameter name: nil for ``defaultName(for:)``.
    /// - Throws: `MalformedValue` for a name that no alias can have, or a MAC address that no VF can have.
    public init(
        address: PCIAddress, kind: Kind, mac: MACAddress? = nil, vlan: VLANID? = nil, name: String? = nil,
        failover: String? = nil, companionOf: String? = nil, alignedTo: Int? = nil
    ) throws(MalformedValue) {
        self.address = address
        self.kind = kind
        self.mac = try mac.map { mac throws(MalformedValue) in try mac.checkedForStation() }
        self.vlan = vlan
        self.name =
            try name.map { name throws(MalformedValue) in try Self.checkedName(name) }
            ?? Self.defaultName(for: address)
        self.failover = try failover.map { alias throws(MalformedValue) in try Self.checkedAlias(alias) }
        self.companionOf = try companionOf.map { name throws(MalformedValue) in try Self.checkedName(name) }
        self.alignedTo = alignedTo
    }

    /// The same device with the MAC address of its standby.
    func with(mac: MACAddress) -> DeviceSpec {
        DeviceSpec(self, mac: mac)
    }

    private init(_ other: DeviceSpec, mac: MACAddress) {
        address = other.address
        kind = other.kind
        self.mac = mac
        vlan = other.vlan
        name = other.name
        failover = other.failover
        companionOf = other.companionOf
        alignedTo = other.alignedTo
    }

    private static let form =
        "ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N][,failover=ALIAS][,companion=NAME], each once"

    /// Reads `ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N][,failover=ALIAS][,companion=NAME]`.
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
            guard pair.count == 2, ["kind", "mac", "vlan", "name", "failover", "companion"].contains(pair[0]),
                options.updateValue(pair[1], forKey: pair[0]) == nil
            else {
                throw MalformedValue(kind: "device", text: text, expected: Self.form)
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
            name: options["name"], failover: options["failover"], companionOf: options["companion"])
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

    /// A user's alias as libvirt wants it; `standby` is `ua-standby`.
    static func checkedAlias(_ text: String) throws(MalformedValue) -> String {
        let bare = text.hasPrefix(userPrefix) ? String(text.dropFirst(userPrefix.count)) : text
        do {
            return userPrefix + (try checkedName(bare))
        } catch {
            throw MalformedValue(
                kind: "alias", text: text, expected: "1 to 40 of A-Z, a-z, 0-9, _ and -, after \(userPrefix) or without"
            )
        }
    }

    /// libvirt's prefix for aliases of a user's choice.
    private static let userPrefix = "ua-"

    /// What the alias of every device that Buslane adds starts with. `ua-` is libvirt's prefix for a user's aliases.
    public static let aliasPrefix = "ua-buslane-"

    public var alias: String { Self.aliasPrefix + name }
}

extension DeviceSpec: CustomStringConvertible {
    /// The text that parses as this value.
    public var description: String {
        var parts = [address.description, "kind=\(kind.rawValue)"]
        if let mac { parts.append("mac=\(mac)") }
        if let vlan { parts.append("vlan=\(vlan)") }
        parts.append("name=\(name)")
        if let failover { parts.append("failover=\(failover)") }
        if let companionOf { parts.append("companion=\(companionOf)") }
        return parts.joined(separator: ",")
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

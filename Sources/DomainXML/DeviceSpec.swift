// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A function to add to a domain, and how.
public struct DeviceSpec: Hashable, Sendable {
    /// How libvirt takes the function.
    public enum Kind: String, Hashable, Sendable {
        /// `<interface type='hostdev'>`: a VF of a network card, whose MAC and VLAN libvirt sets and restores.
        case interface
        /// `<hostdev>`: any function; libvirt does not touch MAC and VLAN.
        case hostdev
    }

    public let address: PCIAddress
    public let kind: Kind
    /// Only for an interface. nil lets libvirt choose, and keeps its choice.
    public let mac: MACAddress?
    /// Only for an interface. nil is no VLAN.
    public let vlan: VLANID?
    /// The device's alias is `ua-buslane-` and the name.
    public let name: String
    /// The alias, `ua-…`, of the virtio interface that carries the traffic while the device is unplugged.
    public let failover: String?
    /// The name of the device whose slot in the guest this one shares, as a GPU's sound does: functions of one card or
    /// of one IOMMU group, which a driver expects in one slot.
    public let companionOf: String?
    /// The host's node on which the guest is to see the device, where the guest has nodes; nil leaves its place to
    /// libvirt. A companion is placed with its leader.
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
            try name.map { name throws(MalformedValue) in try DeviceName(name).description }
            ?? Self.defaultName(for: address)
        self.failover = try failover.map { alias throws(MalformedValue) in try Self.checkedAlias(alias) }
        self.companionOf = try companionOf.map { name throws(MalformedValue) in try DeviceName(name).description }
        self.alignedTo = alignedTo
    }

    /// The same device with the MAC address of its standby.
    func with(mac: MACAddress) -> DeviceSpec {
        DeviceSpec(self, mac: mac, alignedTo: alignedTo)
    }

    /// The same device on another node of the host's.
    public func aligned(to node: Int?) -> DeviceSpec { DeviceSpec(self, mac: mac, alignedTo: node) }

    private init(_ other: DeviceSpec, mac: MACAddress?, alignedTo node: Int?) {
        address = other.address
        kind = other.kind
        self.mac = mac
        vlan = other.vlan
        name = other.name
        failover = other.failover
        companionOf = other.companionOf
        alignedTo = node
    }

    private static let form =
        "ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N][,failover=ALIAS][,companion=NAME], each once"

    /// Reads `ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N][,failover=ALIAS][,companion=NAME]`.
    ///
    /// - Parameter kindOf: the kind when the text has none of kind, mac and vlan (mac and vlan make it an interface), for
    ///   a caller that knows the function's class. The default is a hostdev, which every function can be.
    /// - Throws: `MalformedValue` for an option that is unknown, occurs twice, or has a malformed value.
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

    /// The name of a device without a given name: `0000-3b-10-2` for `0000:3b:10.2`.
    public static func defaultName(for address: PCIAddress) -> String {
        String(address.description.map { $0 == ":" || $0 == "." ? "-" : $0 })
    }

    /// A user's alias with libvirt's prefix: `ua-standby` for `standby`.
    static func checkedAlias(_ text: String) throws(MalformedValue) -> String {
        let bare = text.hasPrefix(userPrefix) ? String(text.dropFirst(userPrefix.count)) : text
        do {
            return userPrefix + (try DeviceName(bare).description)
        } catch {
            throw MalformedValue(
                kind: "alias", text: text, expected: "1 to 40 of A-Z, a-z, 0-9, _ and -, with or without \(userPrefix)"
            )
        }
    }

    /// libvirt's prefix for aliases that a user chooses.
    private static let userPrefix = "ua-"

    /// The prefix of the alias of every device that Buslane adds. `ua-` is libvirt's prefix for a user's aliases.
    public static let aliasPrefix = "ua-buslane-"

    public var alias: String { Self.aliasPrefix + name }
}

extension DeviceSpec: CustomStringConvertible {
    /// A text that parses as this value.
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
    /// The address, when it can be the address of one station.
    func checkedForStation() throws(MalformedValue) -> MACAddress {
        guard !isMulticast, !isZero else {
            throw MalformedValue(
                kind: "MAC address of a device", text: description, expected: "one that is neither multicast nor zero")
        }
        return self
    }
}

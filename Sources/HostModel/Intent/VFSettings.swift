// SPDX-License-Identifier: GPL-3.0-or-later

/// An IEEE 802.1Q VLAN id, 1 to 4094.
public struct VLANID: Hashable, Sendable, TextCodable {
    public let rawValue: UInt16

    /// - Returns: nil outside 1 to 4094: 0 means "no VLAN" and 4095 is reserved.
    public init?(_ value: Int) {
        guard (1...4094).contains(value) else { return nil }
        rawValue = UInt16(value)
    }

    public init(_ text: String) throws(MalformedValue) {
        guard let number = Int(text), let vlan = VLANID(number) else {
            throw MalformedValue(kind: "VLAN id", text: text, expected: "a number from 1 to 4094")
        }
        self = vlan
    }

    public var description: String { String(rawValue) }
}

/// What the PF enforces for one of its VFs. nil means "leave as it is"; in an observation, "not reported".
///
/// Source: `IFLA_VFINFO_LIST`, as `ip link show` prints it.
public struct VFSettings: Hashable, Sendable, Codable {
    public var mac: MACAddress?
    /// ``VLANChoice/none`` takes a VLAN away; nil leaves it.
    public var vlan: VLANChoice?
    public var trust: Bool?
    public var spoofCheck: Bool?

    public enum VLANChoice: Hashable, Sendable, Codable {
        case none
        case id(VLANID)
    }

    public init(mac: MACAddress? = nil, vlan: VLANChoice? = nil, trust: Bool? = nil, spoofCheck: Bool? = nil) {
        self.mac = mac
        self.vlan = vlan
        self.trust = trust
        self.spoofCheck = spoofCheck
    }

    /// Nothing to set.
    public var isEmpty: Bool { self == VFSettings() }

    /// Whether an observation shows everything that these settings ask for.
    public func isSatisfied(by observed: VFSettings) -> Bool { difference(from: observed).isEmpty }

    /// What is left to set on a VF that shows `observed`.
    public func difference(from observed: VFSettings) -> VFSettings {
        VFSettings(
            mac: mac == observed.mac ? nil : mac,
            vlan: vlan == observed.vlan ? nil : vlan,
            trust: trust == observed.trust ? nil : trust,
            spoofCheck: spoofCheck == observed.spoofCheck ? nil : spoofCheck)
    }

    /// The same fields as `mask` has, with the values that stand here: what restores `self` after `mask` was set.
    public func restoring(_ mask: VFSettings) -> VFSettings {
        VFSettings(
            mac: mask.mac == nil ? nil : mac, vlan: mask.vlan == nil ? nil : vlan,
            trust: mask.trust == nil ? nil : trust, spoofCheck: mask.spoofCheck == nil ? nil : spoofCheck)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// What the PF enforces for one of its VFs. nil means "leave as it is"; in an observation, "not reported".
///
/// Source: `IFLA_VFINFO_LIST`, include/uapi/linux/if_link.h, as `ip link show` prints it.
public struct VFSettings: Hashable, Sendable, Codable {
    public var mac: MACAddress?
    /// ``VLANChoice/none`` takes a VLAN away; nil leaves it.
    public var vlan: VLANChoice?
    /// Whether the guest may change its MAC, and ask for all multicast and promiscuous mode.
    public var trust: Bool?
    /// Whether frames with another source MAC than the VF's are dropped.
    public var spoofCheck: Bool?
    public var linkState: LinkState?
    /// Guaranteed share of the wire in Mbit/s; 0 means none.
    public var minTxRateMbps: Int?
    /// Limit in Mbit/s; 0 means no limit.
    public var maxTxRateMbps: Int?

    /// The link that the guest sees. `auto` follows the PF's own.
    public enum LinkState: String, Hashable, Sendable, Codable, CaseIterable {
        case auto
        case enable
        case disable
    }

    public init(
        mac: MACAddress? = nil, vlan: VLANChoice? = nil, trust: Bool? = nil, spoofCheck: Bool? = nil,
        linkState: LinkState? = nil, minTxRateMbps: Int? = nil, maxTxRateMbps: Int? = nil
    ) {
        self.mac = mac
        self.vlan = vlan
        self.trust = trust
        self.spoofCheck = spoofCheck
        self.linkState = linkState
        self.minTxRateMbps = minTxRateMbps
        self.maxTxRateMbps = maxTxRateMbps
    }

    /// Nothing to set.
    public var isEmpty: Bool { self == VFSettings() }

    /// Whether an observation shows everything that these settings ask for.
    public func isSatisfied(by observed: VFSettings) -> Bool { difference(from: observed).isEmpty }

    /// What is left to set on a VF that shows `observed`.
    ///
    /// The two rates are one attribute to the kernel: where one has to be set, the other is there with what it is.
    public func difference(from observed: VFSettings) -> VFSettings {
        var rest = VFSettings()
        rest.take(\.mac, from: self, unlessIn: observed)
        rest.take(\.vlan, from: self, unlessIn: observed)
        rest.take(\.trust, from: self, unlessIn: observed)
        rest.take(\.spoofCheck, from: self, unlessIn: observed)
        rest.take(\.linkState, from: self, unlessIn: observed)
        rest.take(\.minTxRateMbps, from: self, unlessIn: observed)
        rest.take(\.maxTxRateMbps, from: self, unlessIn: observed)
        if rest.minTxRateMbps != nil || rest.maxTxRateMbps != nil {
            rest.minTxRateMbps = minTxRateMbps ?? observed.minTxRateMbps
            rest.maxTxRateMbps = maxTxRateMbps ?? observed.maxTxRateMbps
        }
        return rest
    }

    /// What a VF is like when nobody has set anything; its MAC address is its PF's affair.
    public static let untouched = VFSettings(
        vlan: VLANChoice.none, trust: false, spoofCheck: true, linkState: .auto, minTxRateMbps: 0, maxTxRateMbps: 0)

    /// The same fields as `mask` has, with the values that stand here: what restores `self` after `mask` was set.
    public func restoring(_ mask: VFSettings) -> VFSettings {
        VFSettings(
            mac: mask.mac == nil ? nil : mac, vlan: mask.vlan == nil ? nil : vlan,
            trust: mask.trust == nil ? nil : trust, spoofCheck: mask.spoofCheck == nil ? nil : spoofCheck,
            linkState: mask.linkState == nil ? nil : linkState,
            minTxRateMbps: mask.minTxRateMbps == nil ? nil : minTxRateMbps,
            maxTxRateMbps: mask.maxTxRateMbps == nil ? nil : maxTxRateMbps)
    }

    /// These settings, and where they say nothing, `others`.
    public func filled(from others: VFSettings) -> VFSettings {
        VFSettings(
            mac: mac ?? others.mac, vlan: vlan ?? others.vlan, trust: trust ?? others.trust,
            spoofCheck: spoofCheck ?? others.spoofCheck, linkState: linkState ?? others.linkState,
            minTxRateMbps: minTxRateMbps ?? others.minTxRateMbps, maxTxRateMbps: maxTxRateMbps ?? others.maxTxRateMbps)
    }

    private mutating func take<Value: Equatable>(
        _ field: WritableKeyPath<VFSettings, Value?>, from wanted: VFSettings, unlessIn observed: VFSettings
    ) {
        if wanted[keyPath: field] != observed[keyPath: field] { self[keyPath: field] = wanted[keyPath: field] }
    }
}

extension VFSettings: CustomStringConvertible {
    /// `mac 52:54:00:11:22:33, vlan 42, trust on`; `nothing` when empty.
    public var description: String {
        func word(_ on: Bool) -> String { on ? "on" : "off" }
        var parts: [String] = []
        if let mac { parts.append("mac \(mac)") }
        switch vlan {
        case .tag(let tag)?: parts.append("vlan \(tag)")
        case VLANChoice.none?: parts.append("vlan none")
        case nil: break
        }
        if let trust { parts.append("trust \(word(trust))") }
        if let spoofCheck { parts.append("spoofchk \(word(spoofCheck))") }
        if let linkState { parts.append("link \(linkState.rawValue)") }
        if let minTxRateMbps { parts.append("min rate \(minTxRateMbps) Mbit/s") }
        if let maxTxRateMbps { parts.append("max rate \(maxTxRateMbps) Mbit/s") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// The settings that a PF enforces for one of its VFs. nil means "leave unchanged"; in an observation, "not reported".
///
/// Source: `IFLA_VFINFO_LIST`, include/uapi/linux/if_link.h, as `ip link show` prints it.
public struct VFSettings: Hashable, Sendable, Codable {
    public var mac: MACAddress?
    /// ``VLANChoice/none`` removes a VLAN; nil leaves it unchanged.
    public var vlan: VLANChoice?
    /// Whether the guest may change its MAC address, and request all-multicast and promiscuous mode.
    public var trust: Bool?
    /// Whether frames whose source address is not the VF's are dropped.
    public var spoofCheck: Bool?
    public var linkState: LinkState?
    /// Guaranteed rate in Mbit/s; 0 means none.
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

    /// Whether there is nothing to set.
    public var isEmpty: Bool { self == VFSettings() }

    /// Whether the observed settings include all of these.
    public func isSatisfied(by observed: VFSettings) -> Bool { difference(from: observed).isEmpty }

    /// The settings that are still to be set on a VF with the observed ones.
    ///
    /// The kernel sets both rates by one attribute: if one must be set, the other is included with its present value.
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

    /// The settings of a new VF. Its MAC address depends on the PF's driver.
    public static let untouched = VFSettings(
        vlan: VLANChoice.none, trust: false, spoofCheck: true, linkState: .auto, minTxRateMbps: 0, maxTxRateMbps: 0)

    /// The fields that `mask` has, with these values: they restore `self` after `mask` was set.
    public func restoring(_ mask: VFSettings) -> VFSettings {
        VFSettings(
            mac: mask.mac == nil ? nil : mac, vlan: mask.vlan == nil ? nil : vlan,
            trust: mask.trust == nil ? nil : trust, spoofCheck: mask.spoofCheck == nil ? nil : spoofCheck,
            linkState: mask.linkState == nil ? nil : linkState,
            minTxRateMbps: mask.minTxRateMbps == nil ? nil : minTxRateMbps,
            maxTxRateMbps: mask.maxTxRateMbps == nil ? nil : maxTxRateMbps)
    }

    /// These settings, with missing fields from `others`.
    public func filled(from others: VFSettings) -> VFSettings {
        VFSettings(
            mac: mac ?? others.mac, vlan: vlan ?? others.vlan, trust: trust ?? others.trust,
            spoofCheck: spoofCheck ?? others.spoofCheck, linkState: linkState ?? others.linkState,
            minTxRateMbps: minTxRateMbps ?? others.minTxRateMbps, maxTxRateMbps: maxTxRateMbps ?? others.maxTxRateMbps)
    }

    /// The settings that both have with the same value.
    public func agreeing(with other: VFSettings) -> VFSettings {
        VFSettings(
            mac: mac == other.mac ? mac : nil, vlan: vlan == other.vlan ? vlan : nil,
            trust: trust == other.trust ? trust : nil, spoofCheck: spoofCheck == other.spoofCheck ? spoofCheck : nil,
            linkState: linkState == other.linkState ? linkState : nil,
            minTxRateMbps: minTxRateMbps == other.minTxRateMbps ? minTxRateMbps : nil,
            maxTxRateMbps: maxTxRateMbps == other.maxTxRateMbps ? maxTxRateMbps : nil)
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

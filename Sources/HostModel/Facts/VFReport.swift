// SPDX-License-Identifier: GPL-3.0-or-later

/// What a PF reports of one of its VFs, beside what Buslane sets there. nil: not reported.
///
/// Source: `IFLA_VF_LINK_STATE`, `IFLA_VF_RATE`, `IFLA_VF_VLAN_LIST`, include/uapi/linux/if_link.h.
public struct VFReport: Hashable, Sendable {
    public var linkState: LinkState?
    /// 0 means no limit.
    public var minTxRateMbps: Int?
    /// 0 means no limit.
    public var maxTxRateMbps: Int?
    /// Priority, 0 to 7; nil without a VLAN.
    public var vlanQoS: Int?
    /// `802.1Q` or `802.1ad`; nil without a VLAN.
    public var vlanProtocol: String?

    /// `auto` follows the PF's own link.
    public enum LinkState: String, Hashable, Sendable {
        case auto
        case enable
        case disable
    }

    public init(
        linkState: LinkState? = nil, minTxRateMbps: Int? = nil, maxTxRateMbps: Int? = nil, vlanQoS: Int? = nil,
        vlanProtocol: String? = nil
    ) {
        self.linkState = linkState
        self.minTxRateMbps = minTxRateMbps
        self.maxTxRateMbps = maxTxRateMbps
        self.vlanQoS = vlanQoS
        self.vlanProtocol = vlanProtocol
    }
}

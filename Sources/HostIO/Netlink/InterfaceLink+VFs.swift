// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
package import HostModel

/// Reads what libnl holds about one VF.
///
/// Source: `rtnl_fill_vfinfo`, net/core/rtnetlink.c; libnl's lib/route/link/sriov.c.
extension InterfaceLink {
    @unsafe static func settings(of vf: OpaquePointer) -> VFSettings {
        // SAFETY: the caller holds a reference to the VF during this call, and so during every call below.
        let rates = unsafe rates(of: vf)
        return unsafe VFSettings(
            mac: mac(of: vf), vlan: vlan(of: vf), trust: flag(of: vf, rtnl_link_vf_get_trust),
            spoofCheck: flag(of: vf, rtnl_link_vf_get_spoofchk), linkState: linkState(of: vf),
            minTxRateMbps: rates.min, maxTxRateMbps: rates.max)
    }

    /// libnl swaps the protocol's bytes when it reads and not when it writes: this accepts both orders. Older kernels
    /// report 0 for 802.1Q.
    private static func vlanProtocol(_ number: UInt16) -> VLANProtocol? {
        switch number {
        case 0, 0x8100, 0x0081: .dot1Q
        case 0x88a8, 0xa888: .dot1ad
        default: nil
        }
    }

    /// The kernel reports a VLAN for every VF, and libnl drops VLAN 0: a missing VLAN means "none", not "unknown".
    @unsafe private static func vlan(of vf: OpaquePointer) -> VFSettings.VLANChoice? {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        // SAFETY: the caller holds the VF; the library writes one pointer.
        guard unsafe rtnl_link_vf_get_vlans(vf, &vlans) == 0, let vlans = unsafe vlans else {
            return VFSettings.VLANChoice.none
        }
        // SAFETY: the call above took a reference.
        defer { unsafe rtnl_link_vf_vlan_put(vlans) }
        // SAFETY: the first entry is read only if there is one.
        guard unsafe vlans.pointee.size > 0, unsafe vlans.pointee.vlans[0].vf_vlan != 0 else {
            return VFSettings.VLANChoice.none
        }
        let entry = unsafe vlans.pointee.vlans[0]
        guard let id = VLANID(Int(entry.vf_vlan)), let kind = vlanProtocol(entry.vf_vlan_proto) else { return nil }
        return .tag(VLANTag(id, qos: Int(entry.vf_vlan_qos), protocol: kind))
    }

    @unsafe private static func mac(of vf: OpaquePointer) -> MACAddress? {
        var address: OpaquePointer?
        // SAFETY: the VF owns the address, and the caller holds the VF.
        guard unsafe rtnl_link_vf_get_addr(vf, &address) == 0, let address = unsafe address,
            unsafe nl_addr_get_len(address) == 6, let octets = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        // SAFETY: the address has six octets.
        let bytes = unsafe UnsafeRawBufferPointer(start: octets, count: 6)
        return MACAddress(rawValue: unsafe bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// nil when the driver does not report the flag: the kernel then sends -1, which libnl drops.
    @unsafe private static func flag(
        of vf: OpaquePointer, _ get: (OpaquePointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    ) -> Bool? {
        var value: UInt32 = 0
        // SAFETY: the caller holds the VF; the library writes one number.
        return unsafe get(vf, &value) == 0 ? value != 0 : nil
    }

    /// Source: `IFLA_VF_LINK_STATE_*`, include/uapi/linux/if_link.h.
    package static func number(of state: VFSettings.LinkState) -> UInt32 {
        switch state {
        case .auto: 0
        case .enable: 1
        case .disable: 2
        }
    }

    @unsafe private static func linkState(of vf: OpaquePointer) -> VFSettings.LinkState? {
        var number: UInt32 = 0
        // SAFETY: the caller holds the VF; the library writes one number.
        guard unsafe rtnl_link_vf_get_linkstate(vf, &number) == 0 else { return nil }
        return VFSettings.LinkState.allCases.first { Self.number(of: $0) == number }
    }

    /// The kernel reports the rates for every VF, and libnl drops rates of 0: a missing rate means "no limit".
    @unsafe private static func rates(of vf: OpaquePointer) -> (min: Int, max: Int) {
        var rate = nl_vf_rate()
        // SAFETY: the caller holds the VF; the library fills the structure.
        guard unsafe rtnl_link_vf_get_rate(vf, &rate) == 0 else { return (0, 0) }
        // Drivers with the older interface report only a maximum.
        let isNew = rate.api == CInt(RTNL_LINK_VF_RATE_API_NEW.rawValue)
        return (isNew ? Int(rate.min_tx_rate) : 0, Int(isNew ? rate.max_tx_rate : rate.rate))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
import HostModel

/// One attribute of a VF each: how libnl has it, and what that means.
///
/// Source: `rtnl_fill_vfinfo`, net/core/rtnetlink.c; libnl's lib/route/link/sriov.c.
extension InterfaceLink {
    @unsafe static func set(_ vlan: VFSettings.VLANChoice, on vf: OpaquePointer) -> Int32 {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        let code = unsafe rtnl_link_vf_vlan_alloc(&vlans, 1)
        guard code >= 0, let vlans = unsafe vlans else { return code < 0 ? code : -NLE_NOMEM }
        // SAFETY: one entry was asked for, and it is all zero. VLAN 0 is how the kernel is told "none".
        if case .tag(let tag) = vlan {
            unsafe vlans.pointee.vlans[0].vf_vlan = UInt32(tag.id.rawValue)
            unsafe vlans.pointee.vlans[0].vf_vlan_qos = UInt32(clamping: tag.qos)
            unsafe vlans.pointee.vlans[0].vf_vlan_proto = Self.number(of: tag.protocol)
        }
        unsafe rtnl_link_vf_set_vlans(vf, vlans)
        // Its documentation says that the VF now owns the list, its code (3.7) takes a second reference: give ours
        // back only if it did.
        if unsafe vlans.pointee.ce_refcnt > 1 { unsafe rtnl_link_vf_vlan_put(vlans) }
        return 0
    }

    /// 0 means 802.1Q to libnl. Any other goes to the kernel as it stands here, and there it is big-endian.
    private static func number(of kind: VLANProtocol) -> UInt16 {
        switch kind {
        case .dot1Q: 0
        case .dot1ad: UInt16(0x88a8).bigEndian
        }
    }

    /// libnl swaps what it reads and not what it writes: either order is understood, and 0 as an older kernel's 802.1Q.
    private static func vlanProtocol(_ number: UInt16) -> VLANProtocol? {
        switch number {
        case 0, 0x8100, 0x0081: .dot1Q
        case 0x88a8, 0xa888: .dot1ad
        default: nil
        }
    }

    /// The kernel tells a VLAN with every VF, and libnl drops one that is 0: absent is "none", not "unknown".
    @unsafe static func vlan(of vf: OpaquePointer) -> VFSettings.VLANChoice? {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        guard unsafe rtnl_link_vf_get_vlans(vf, &vlans) == 0, let vlans = unsafe vlans else {
            return VFSettings.VLANChoice.none
        }
        // SAFETY: the reference that the look-up took.
        defer { unsafe rtnl_link_vf_vlan_put(vlans) }
        // SAFETY: the first entry is looked at when there is one.
        guard unsafe vlans.pointee.size > 0, unsafe vlans.pointee.vlans[0].vf_vlan != 0 else {
            return VFSettings.VLANChoice.none
        }
        let entry = unsafe vlans.pointee.vlans[0]
        guard let id = VLANID(Int(entry.vf_vlan)), let kind = vlanProtocol(entry.vf_vlan_proto) else { return nil }
        return .tag(VLANTag(id, qos: Int(entry.vf_vlan_qos), protocol: kind))
    }

    @unsafe static func mac(of vf: OpaquePointer) -> MACAddress? {
        var address: OpaquePointer?
        // SAFETY: the address is lent by the VF, which the caller holds.
        guard unsafe rtnl_link_vf_get_addr(vf, &address) == 0, let address = unsafe address,
            unsafe nl_addr_get_len(address) == 6, let octets = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: octets, count: 6)
        return MACAddress(rawValue: unsafe bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// nil when the driver does not report it: libnl leaves out what the kernel told as -1.
    @unsafe static func flag(
        of vf: OpaquePointer, _ get: (OpaquePointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    ) -> Bool? {
        var value: UInt32 = 0
        return unsafe get(vf, &value) == 0 ? value != 0 : nil
    }

    /// Source: `IFLA_VF_LINK_STATE_*`, include/uapi/linux/if_link.h.
    static func number(of state: VFSettings.LinkState) -> UInt32 {
        switch state {
        case .auto: 0
        case .enable: 1
        case .disable: 2
        }
    }

    @unsafe static func linkState(of vf: OpaquePointer) -> VFSettings.LinkState? {
        var number: UInt32 = 0
        guard unsafe rtnl_link_vf_get_linkstate(vf, &number) == 0 else { return nil }
        return VFSettings.LinkState.allCases.first { Self.number(of: $0) == number }
    }

    /// The kernel tells the rates with every VF, and libnl drops those that are 0: absent is "no limit".
    @unsafe static func rates(of vf: OpaquePointer) -> (min: Int, max: Int) {
        var rate = nl_vf_rate()
        guard unsafe rtnl_link_vf_get_rate(vf, &rate) == 0 else { return (0, 0) }
        // Drivers of the old kind tell a maximum alone.
        let isNew = rate.api == CInt(RTNL_LINK_VF_RATE_API_NEW.rawValue)
        return (isNew ? Int(rate.min_tx_rate) : 0, Int(isNew ? rate.max_tx_rate : rate.rate))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
import HostIO
import HostModel

/// Builds the change that ``InterfaceWriter`` sends.
extension InterfaceLink {
    /// A change that names its interface and is otherwise empty.
    init(changing index: Int) throws(HostIOError) {
        // SAFETY: the function takes no argument and returns a new reference or NULL.
        guard let link = unsafe rtnl_link_alloc() else {
            throw .netlink(action: "prepare a change", interface: index, code: NLE_NOMEM)
        }
        unsafe rtnl_link_set_ifindex(link, CInt(truncatingIfNeeded: index))
        unsafe self.init(owning: link, index: index)
    }

    func setUp(_ up: Bool) {
        let flag = UInt32(IFF_UP)
        // SAFETY: the link lives as long as this value.
        if up { unsafe rtnl_link_set_flags(raw, flag) } else { unsafe rtnl_link_unset_flags(raw, flag) }
    }

    func setMTU(_ octets: Int) {
        // SAFETY: the link lives as long as this value.
        unsafe rtnl_link_set_mtu(raw, UInt32(clamping: octets))
    }

    /// Adds one VF's settings to this change.
    func add(_ settings: VFSettings, ofVF index: Int, _ action: String) throws(HostIOError) {
        func problem(_ code: Int32) -> HostIOError { .netlink(action: action, interface: self.index, code: abs(code)) }
        // SAFETY: the function takes no argument and returns a new reference or NULL.
        guard let vf = unsafe rtnl_link_vf_alloc() else { throw problem(NLE_NOMEM) }
        // SAFETY: this reference is ours; `rtnl_link_vf_add` takes another.
        defer { unsafe rtnl_link_vf_put(vf) }
        unsafe rtnl_link_vf_set_index(vf, UInt32(truncatingIfNeeded: index))
        let code = unsafe Self.set(settings, on: vf)
        guard code >= 0 else { throw problem(code) }
        // SAFETY: the link and the VF live until the call returns.
        let added = unsafe rtnl_link_vf_add(raw, vf)
        guard added >= 0 else { throw problem(added) }
    }

    /// - Returns: 0, or libnl's error code.
    @unsafe private static func set(_ settings: VFSettings, on vf: OpaquePointer) -> Int32 {
        // SAFETY: the caller holds a reference to the VF during every call below.
        if let mac = settings.mac {
            let code = unsafe set(mac, on: vf)
            guard code >= 0 else { return code }
        }
        if let vlan = settings.vlan {
            let code = unsafe set(vlan, on: vf)
            guard code >= 0 else { return code }
        }
        if let trust = settings.trust { unsafe rtnl_link_vf_set_trust(vf, trust ? 1 : 0) }
        if let spoofCheck = settings.spoofCheck { unsafe rtnl_link_vf_set_spoofchk(vf, spoofCheck ? 1 : 0) }
        if let linkState = settings.linkState { unsafe rtnl_link_vf_set_linkstate(vf, number(of: linkState)) }
        if settings.minTxRateMbps != nil || settings.maxTxRateMbps != nil {
            var rate = nl_vf_rate()
            rate.api = CInt(RTNL_LINK_VF_RATE_API_NEW.rawValue)
            // Both rates share one attribute, and the kernel takes a missing one as "no limit".
            rate.min_tx_rate = UInt32(clamping: settings.minTxRateMbps ?? 0)
            rate.max_tx_rate = UInt32(clamping: settings.maxTxRateMbps ?? 0)
            unsafe rtnl_link_vf_set_rate(vf, &rate)
        }
        return 0
    }

    @unsafe private static func set(_ mac: MACAddress, on vf: OpaquePointer) -> Int32 {
        let octets = mac.octets
        // SAFETY: the library copies the octets; the VF takes its own reference to the address.
        guard let address = unsafe nl_addr_build(AF_LLC, octets, octets.count) else { return -NLE_NOMEM }
        unsafe rtnl_link_vf_set_addr(vf, address)
        unsafe nl_addr_put(address)
        return 0
    }

    @unsafe private static func set(_ vlan: VFSettings.VLANChoice, on vf: OpaquePointer) -> Int32 {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        // SAFETY: the library writes one pointer, to a list that is ours.
        let code = unsafe rtnl_link_vf_vlan_alloc(&vlans, 1)
        guard code >= 0, let vlans = unsafe vlans else { return code < 0 ? code : -NLE_NOMEM }
        // SAFETY: the list has one entry, which is all zero. To the kernel VLAN 0 means "none".
        if case .tag(let tag) = vlan {
            unsafe vlans.pointee.vlans[0].vf_vlan = UInt32(tag.id.rawValue)
            unsafe vlans.pointee.vlans[0].vf_vlan_qos = UInt32(clamping: tag.qos)
            unsafe vlans.pointee.vlans[0].vf_vlan_proto = number(of: tag.protocol)
        }
        unsafe rtnl_link_vf_set_vlans(vf, vlans)
        // libnl's documentation says that the VF now owns the list; its code (3.7) takes a second reference. Return
        // ours only if it did.
        if unsafe vlans.pointee.ce_refcnt > 1 { unsafe rtnl_link_vf_vlan_put(vlans) }
        return 0
    }

    /// libnl takes 0 as 802.1Q, and passes any other number to the kernel unchanged. The kernel expects big-endian.
    private static func number(of kind: VLANProtocol) -> UInt16 {
        switch kind {
        case .dot1Q: 0
        case .dot1ad: UInt16(0x88a8).bigEndian
        }
    }
}

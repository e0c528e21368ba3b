// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
import HostModel

/// Owns an `rtnl_link`: what the kernel said of an interface, or what is to be changed of it.
@safe struct InterfaceLink: ~Copyable {
    let raw: OpaquePointer
    let index: Int

    /// An empty one that names its interface.
    init(index: Int) throws(HostIOError) {
        guard let link = unsafe rtnl_link_alloc() else {
            throw .netlink(action: "prepare a change", interface: index, code: NLE_NOMEM)
        }
        unsafe rtnl_link_set_ifindex(link, CInt(truncatingIfNeeded: index))
        unsafe raw = link
        self.index = index
    }

    /// As the kernel has it now.
    init(reading index: Int, through socket: borrowing NetlinkSocket) throws(HostIOError) {
        unsafe raw = try socket.link(of: index)
        self.index = index
    }

    // SAFETY: one reference was taken at init.
    deinit { unsafe rtnl_link_put(raw) }

    func setUp(_ up: Bool) {
        let flag = UInt32(IFF_UP)
        if up { unsafe rtnl_link_set_flags(raw, flag) } else { unsafe rtnl_link_unset_flags(raw, flag) }
    }

    /// In octets.
    var mtu: Int { unsafe Int(rtnl_link_get_mtu(raw)) }

    func setMTU(_ octets: Int) { unsafe rtnl_link_set_mtu(raw, UInt32(clamping: octets)) }

    /// Every VF that the kernel told of.
    func vfSettings() -> [Int: VFSettings] {
        var count: UInt32 = 0
        guard unsafe rtnl_link_get_num_vf(raw, &count) == 0 else { return [:] }
        return vfSettings(count: count)
    }

    /// The first `count` VFs, as far as they are in the list.
    func vfSettings(count: UInt32) -> [Int: VFSettings] {
        // Without a list the look-up below would follow a null pointer.
        guard unsafe rtnl_link_has_vf_list(raw) != 0 else { return [:] }
        var settings: [Int: VFSettings] = [:]
        for index in 0..<count {
            // SAFETY: the reference it takes is given back below.
            guard let vf = unsafe rtnl_link_vf_get(raw, index) else { continue }
            defer { unsafe rtnl_link_vf_put(vf) }
            settings[Int(index)] = VFSettings(
                mac: unsafe Self.mac(of: vf), vlan: unsafe Self.vlan(of: vf),
                trust: unsafe Self.flag(of: vf, rtnl_link_vf_get_trust),
                spoofCheck: unsafe Self.flag(of: vf, rtnl_link_vf_get_spoofchk),
                linkState: unsafe Self.linkState(of: vf), minTxRateMbps: unsafe Self.rates(of: vf).min,
                maxTxRateMbps: unsafe Self.rates(of: vf).max)
        }
        return settings
    }

    /// Adds one VF's wishes to this change.
    func add(_ settings: VFSettings, ofVF index: Int, _ action: String) throws(HostIOError) {
        func problem(_ code: Int32) -> HostIOError { .netlink(action: action, interface: self.index, code: abs(code)) }
        guard let vf = unsafe rtnl_link_vf_alloc() else { throw problem(NLE_NOMEM) }
        // SAFETY: our own reference; the link takes another when the VF is added to it.
        defer { unsafe rtnl_link_vf_put(vf) }
        unsafe rtnl_link_vf_set_index(vf, UInt32(truncatingIfNeeded: index))
        if let mac = settings.mac {
            let octets = mac.octets
            // SAFETY: the octets are copied; the VF takes a reference of its own to the address.
            guard let address = unsafe nl_addr_build(AF_LLC, octets, octets.count) else { throw problem(NLE_NOMEM) }
            unsafe rtnl_link_vf_set_addr(vf, address)
            unsafe nl_addr_put(address)
        }
        if let vlan = settings.vlan {
            let code = unsafe Self.set(vlan, on: vf)
            guard code >= 0 else { throw problem(code) }
        }
        if let trust = settings.trust { unsafe rtnl_link_vf_set_trust(vf, trust ? 1 : 0) }
        if let spoofCheck = settings.spoofCheck { unsafe rtnl_link_vf_set_spoofchk(vf, spoofCheck ? 1 : 0) }
        if let linkState = settings.linkState { unsafe rtnl_link_vf_set_linkstate(vf, Self.number(of: linkState)) }
        if settings.minTxRateMbps != nil || settings.maxTxRateMbps != nil {
            var rate = nl_vf_rate()
            rate.api = CInt(RTNL_LINK_VF_RATE_API_NEW.rawValue)
            // One attribute for both: what is left out would be taken for "no limit".
            rate.min_tx_rate = UInt32(clamping: settings.minTxRateMbps ?? 0)
            rate.max_tx_rate = UInt32(clamping: settings.maxTxRateMbps ?? 0)
            unsafe rtnl_link_vf_set_rate(vf, &rate)
        }
        let code = unsafe rtnl_link_vf_add(raw, vf)
        guard code >= 0 else { throw problem(code) }
    }
}

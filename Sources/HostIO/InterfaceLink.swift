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
                spoofCheck: unsafe Self.flag(of: vf, rtnl_link_vf_get_spoofchk))
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
        let code = unsafe rtnl_link_vf_add(raw, vf)
        guard code >= 0 else { throw problem(code) }
    }

    @unsafe private static func set(_ vlan: VFSettings.VLANChoice, on vf: OpaquePointer) -> Int32 {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        let code = unsafe rtnl_link_vf_vlan_alloc(&vlans, 1)
        guard code >= 0, let vlans = unsafe vlans else { return code < 0 ? code : -NLE_NOMEM }
        // SAFETY: one entry was asked for. VLAN 0 is how the kernel is told "none"; protocol 0 means 802.1Q.
        if case .id(let id) = vlan { unsafe vlans.pointee.vlans[0].vf_vlan = UInt32(id.rawValue) }
        unsafe rtnl_link_vf_set_vlans(vf, vlans)
        // Its documentation says that the VF now owns the list, its code (3.7) takes a second reference: give ours
        // back only if it did.
        if unsafe vlans.pointee.ce_refcnt > 1 { unsafe rtnl_link_vf_vlan_put(vlans) }
        return 0
    }

    @unsafe private static func mac(of vf: OpaquePointer) -> MACAddress? {
        var address: OpaquePointer?
        // SAFETY: the address is lent by the VF, which the caller holds.
        guard unsafe rtnl_link_vf_get_addr(vf, &address) == 0, let address = unsafe address,
            unsafe nl_addr_get_len(address) == 6, let octets = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: octets, count: 6)
        return MACAddress(rawValue: unsafe bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// The kernel tells a VLAN with every VF, and libnl drops one that is 0: absent is "none", not "unknown".
    ///
    /// Source: `rtnl_fill_vfinfo`, net/core/rtnetlink.c; `rtnl_link_sriov_parse_vflist`, libnl's lib/route/link/sriov.c.
    @unsafe private static func vlan(of vf: OpaquePointer) -> VFSettings.VLANChoice? {
        var vlans: UnsafeMutablePointer<nl_vf_vlans_t>?
        guard unsafe rtnl_link_vf_get_vlans(vf, &vlans) == 0, let vlans = unsafe vlans else {
            return VFSettings.VLANChoice.none
        }
        // SAFETY: the reference that the look-up took.
        defer { unsafe rtnl_link_vf_vlan_put(vlans) }
        guard unsafe vlans.pointee.size > 0 else { return VFSettings.VLANChoice.none }
        let number = unsafe Int(vlans.pointee.vlans[0].vf_vlan)
        return number == 0 ? VFSettings.VLANChoice.none : VLANID(number).map { .id($0) }
    }

    /// nil when the driver does not report it: libnl leaves out what the kernel told as -1.
    @unsafe private static func flag(
        of vf: OpaquePointer, _ get: (OpaquePointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    ) -> Bool? {
        var value: UInt32 = 0
        return unsafe get(vf, &value) == 0 ? value != 0 : nil
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
package import HostModel

/// A network interface as libnl's `rtnl_link`: the kernel's answer about it, or a change that is to be sent.
@safe package struct InterfaceLink: ~Copyable {
    /// libnl's own object. Valid while this value lives.
    package let raw: OpaquePointer
    /// The interface's ifindex.
    package let index: Int

    /// Takes over one reference to a link.
    @unsafe package init(owning raw: OpaquePointer, index: Int) {
        unsafe self.raw = raw
        self.index = index
    }

    /// Reads the interface from the kernel.
    ///
    /// - Throws: ``HostIOError/netlink(action:interface:code:)``.
    package init(reading index: Int, through socket: borrowing NetlinkSocket) throws(HostIOError) {
        var link: OpaquePointer?
        // SAFETY: the socket is connected; on success the library passes one reference to the caller.
        let code = unsafe rtnl_link_get_kernel(socket.raw, CInt(truncatingIfNeeded: index), nil, &link)
        guard code >= 0, let link = unsafe link else {
            throw .netlink(action: "read the VFs", interface: index, code: code == 0 ? NLE_OBJ_NOTFOUND : -code)
        }
        unsafe self.init(owning: link, index: index)
    }

    // SAFETY: `init` took one reference.
    deinit { unsafe rtnl_link_put(raw) }

    /// The settings of every VF in the kernel's answer, by VF index.
    func vfSettings() -> [Int: VFSettings] {
        var count: UInt32 = 0
        // SAFETY: the link lives as long as this value; the library writes one number.
        guard unsafe rtnl_link_get_num_vf(raw, &count) == 0 else { return [:] }
        return vfSettings(count: count)
    }

    /// The settings of the first `count` VFs, without those that are not in the link's list.
    package func vfSettings(count: UInt32) -> [Int: VFSettings] {
        // libnl 3.7 follows a null pointer in `rtnl_link_vf_get` when the link has no list.
        // SAFETY: the link lives as long as this value.
        guard unsafe rtnl_link_has_vf_list(raw) != 0 else { return [:] }
        var settings: [Int: VFSettings] = [:]
        for index in 0..<count {
            // SAFETY: the call takes one reference, which is returned below.
            guard let vf = unsafe rtnl_link_vf_get(raw, index) else { continue }
            defer { unsafe rtnl_link_vf_put(vf) }
            settings[Int(index)] = unsafe Self.settings(of: vf)
        }
        return settings
    }
}

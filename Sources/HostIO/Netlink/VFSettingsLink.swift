// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
package import HostModel

/// A conversation with the kernel's rtnetlink about network interfaces and what they enforce for their VFs.
///
/// Interfaces are named by index: a name can change between the look and the deed.
///
/// Source: `IFLA_VFINFO_LIST`, include/uapi/linux/if_link.h; rtnetlink(7).
package struct VFSettingsLink: ~Copyable {
    private let socket: NetlinkSocket

    /// - Throws: ``HostIOError/netlink(action:interface:code:)`` when no socket can be had.
    package init() throws(HostIOError) { socket = try NetlinkSocket() }

    /// What the interface enforces for each of its VFs, by VF index; empty when it has none.
    ///
    /// One query however many VFs there are. libnl asks with `RTEXT_FILTER_VF`, without which the kernel tells
    /// nothing of VFs.
    package func settings(ofVFsOn interface: Int) throws(HostIOError) -> [Int: VFSettings] {
        let link = try InterfaceLink(reading: interface, through: socket)
        return link.vfSettings()
    }

    /// Of several interfaces of one physical function, the one that carries VFs, and their settings.
    ///
    /// In switchdev mode the VFs' representors lie beside the uplink.
    package func settings(ofVFsOnAnyOf interfaces: [Int]) throws(HostIOError)
        -> (interface: Int, settings: [Int: VFSettings])?
    {
        for interface in interfaces {
            let settings = try settings(ofVFsOn: interface)
            if !settings.isEmpty { return (interface, settings) }
        }
        return nil
    }

    /// Sets what is given of one VF, in one message; what is nil stays as it is.
    package func set(_ settings: VFSettings, ofVF index: Int, on interface: Int) throws(HostIOError) {
        let target = try InterfaceLink(index: interface)
        let change = try InterfaceLink(index: interface)
        let action = "set \(settings) for VF \(index)"
        try change.add(settings, ofVF: index, action)
        try socket.change(target, change, action)
    }

    /// Switches an interface on or off.
    package func setLink(up: Bool, on interface: Int) throws(HostIOError) {
        let target = try InterfaceLink(index: interface)
        let change = try InterfaceLink(index: interface)
        change.setUp(up)
        try socket.change(target, change, "set link \(up ? "up" : "down")")
    }

    /// Sets the largest packet that an interface carries, in octets. Nothing is written where it is so already: to some
    /// cards it is a reset.
    package func setMTU(_ octets: Int, on interface: Int) throws(HostIOError) {
        let target = try InterfaceLink(reading: interface, through: socket)
        guard target.mtu != octets else { return }
        let change = try InterfaceLink(index: interface)
        change.setMTU(octets)
        try socket.change(target, change, "set MTU to \(octets)")
    }

    /// libnl's words for one of its codes.
    static func reason(_ code: Int32) -> String {
        // SAFETY: a constant string of the library.
        unsafe nl_geterror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}

/// Owns an `nl_sock` connected to rtnetlink.
@safe struct NetlinkSocket: ~Copyable {
    private let raw: OpaquePointer

    init() throws(HostIOError) {
        guard let socket = unsafe nl_socket_alloc() else {
            throw .netlink(action: "open a socket", interface: 0, code: NLE_NOMEM)
        }
        // SAFETY: just allocated, and freed here when it does not connect.
        let code = unsafe nl_connect(socket, NETLINK_ROUTE)
        guard code >= 0 else {
            unsafe nl_socket_free(socket)
            throw .netlink(action: "open a socket", interface: 0, code: -code)
        }
        unsafe raw = socket
    }

    deinit { unsafe nl_socket_free(raw) }

    /// The kernel's present answer about an interface; the caller owns it.
    func link(of interface: Int) throws(HostIOError) -> OpaquePointer {
        var link: OpaquePointer?
        // SAFETY: the socket is connected; on success the library hands over one reference.
        let code = unsafe rtnl_link_get_kernel(raw, CInt(truncatingIfNeeded: interface), nil, &link)
        guard code >= 0, let link = unsafe link else {
            throw .netlink(action: "read the VFs", interface: interface, code: code == 0 ? NLE_OBJ_NOTFOUND : -code)
        }
        return unsafe link
    }

    /// Waits for the kernel's answer.
    func change(_ target: borrowing InterfaceLink, _ change: borrowing InterfaceLink, _ action: String)
        throws(HostIOError)
    {
        // SAFETY: both links live as long as the call, which keeps neither.
        let code = unsafe rtnl_link_change(raw, target.raw, change.raw, 0)
        guard code >= 0 else { throw .netlink(action: action, interface: target.index, code: -code) }
    }
}

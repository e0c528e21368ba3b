// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
package import HostIO
package import HostModel

/// Changes network interfaces, and what they enforce for their VFs, over rtnetlink.
///
/// Interfaces are identified by index: a name can change between two calls. Every call waits for the kernel's reply.
///
/// Source: `IFLA_VFINFO_LIST`, include/uapi/linux/if_link.h; rtnetlink(7).
package struct InterfaceWriter: ~Copyable {
    private let socket: NetlinkSocket

    /// - Throws: ``HostIOError/netlink(action:interface:code:)`` when the socket cannot be opened.
    package init() throws(HostIOError) { socket = try NetlinkSocket() }

    /// Sets one VF in one message. A setting that is nil stays as it is.
    package func set(_ settings: VFSettings, ofVF index: Int, on interface: Int) throws(HostIOError) {
        let action = "set \(settings) for VF \(index)"
        let change = try InterfaceLink(changing: interface)
        try change.add(settings, ofVF: index, action)
        try send(change, action)
    }

    /// Sets an interface up or down.
    package func setLink(up: Bool, on interface: Int) throws(HostIOError) {
        let change = try InterfaceLink(changing: interface)
        change.setUp(up)
        try send(change, "set link \(up ? "up" : "down")")
    }

    /// Sets an interface's MTU, in octets. Writes nothing if it has this MTU already: some drivers reset the card at every
    /// write.
    ///
    /// - Parameter now: its MTU as sysfs tells it; nil if unknown. rtnetlink would tell all VFs with it, which on
    ///   InfiniBand can be too long for an answer.
    package func setMTU(_ octets: Int, on interface: Int, now: Int?) throws(HostIOError) {
        guard now != octets else { return }
        let change = try InterfaceLink(changing: interface)
        change.setMTU(octets)
        try send(change, "set MTU to \(octets)")
    }

    private func send(_ change: borrowing InterfaceLink, _ action: String) throws(HostIOError) {
        let target = try InterfaceLink(changing: change.index)
        // SAFETY: both links live until the call returns; the library keeps neither.
        let code = unsafe rtnl_link_change(socket.raw, target.raw, change.raw, 0)
        guard code >= 0 else { throw .netlink(action: action, interface: change.index, code: -code) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// Reads over rtnetlink which settings a PF enforces for its VFs.
///
/// Interfaces are identified by index: a name can change between two calls.
///
/// Source: `IFLA_VFINFO_LIST`, include/uapi/linux/if_link.h.
package struct VFSettingsReader: ~Copyable {
    private let socket: NetlinkSocket

    /// - Throws: ``HostIOError/netlink(action:interface:code:)`` when the socket cannot be opened.
    package init() throws(HostIOError) { socket = try NetlinkSocket() }

    /// The settings of every VF of an interface, by VF index; empty when it has no VFs.
    ///
    /// One query for all VFs. libnl sets `RTEXT_FILTER_VF`, without which the kernel leaves the VFs out.
    package func settings(ofVFsOn interface: Int) throws(HostIOError) -> [Int: VFSettings] {
        let link = try InterfaceLink(reading: interface, through: socket)
        return link.vfSettings()
    }

    /// The first of a PF's interfaces that has VFs, with their settings.
    ///
    /// In switchdev mode a PF has several: the uplink and a representor for each VF.
    package func settings(ofVFsOnAnyOf interfaces: [Int]) throws(HostIOError)
        -> (interface: Int, settings: [Int: VFSettings])?
    {
        for interface in interfaces {
            let settings = try settings(ofVFsOn: interface)
            if !settings.isEmpty { return (interface, settings) }
        }
        return nil
    }
}

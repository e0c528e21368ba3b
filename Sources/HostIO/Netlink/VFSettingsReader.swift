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

    /// The interfaces through which a PF's VFs are set, each with the settings that it shows.
    ///
    /// These are the ports: a card with two ports has settings of its own for each. If no port has VFs, it is the first other
    /// interface that has. Representors have none.
    ///
    /// A port of InfiniBand is not asked: it carries none of our settings, and its answer about many VFs is longer than
    /// older kernels can send (EMSGSIZE), since each VF has broadcast addresses and GUIDs in it.
    ///
    /// Source: `rtnl_vfinfo_size`, net/core/rtnetlink.c.
    package func carriers(of pf: VFPorts) throws(HostIOError) -> [VFCarrier] {
        let ports = pf.interfaces.ports
        var carriers: [VFCarrier] = []
        for port in ports where !port.port.isInfiniBand {
            guard let index = port.index else { continue }
            let settings = try settings(ofVFsOn: index)
            if !settings.isEmpty { carriers.append(VFCarrier(interface: port, settings: settings)) }
        }
        if !carriers.isEmpty { return carriers }
        for other in pf.interfaces where !ports.contains(other) && !other.port.isInfiniBand {
            guard let index = other.index else { continue }
            let settings = try settings(ofVFsOn: index)
            if !settings.isEmpty { return [VFCarrier(interface: other, settings: settings)] }
        }
        return []
    }
}

/// An interface of a PF with the settings that it shows, by VF index.
package struct VFCarrier: Sendable {
    package let interface: NetworkInterface
    package let settings: [Int: VFSettings]
}

extension VFPorts {
    /// The carriers of one VF: those of its ports. A carrier that is no port carries every VF.
    package func carriers(ofVF index: Int, among carriers: [VFCarrier]) -> [VFCarrier] {
        let own = ports(ofVF: index)
        let all = interfaces.ports
        return carriers.filter {
            $0.settings[index] != nil && (own.contains($0.interface) || !all.contains($0.interface))
        }
    }

    /// The settings that all ports of a VF show. A setting in which two ports differ is not known. nil if none shows the VF.
    func settings(ofVF index: Int, among carriers: [VFCarrier]) -> VFSettings? {
        let shown = self.carriers(ofVF: index, among: carriers).compactMap { $0.settings[index] }
        return shown.dropFirst().reduce(shown.first) { $0?.agreeing(with: $1) }
    }
}

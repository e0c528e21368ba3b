// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension Domain {
    /// These assignments as devices of the domain.
    package func devices(for assignments: [Assignment], _ request: DomainRequest?) throws -> [DeviceSpec] {
        try assignments.map { assignment in
            let device = request?.devices.first { $0.name == assignment.name }
            return try DeviceSpec(
                assignment, failover: device?.failover,
                alignedTo: request?.align == .auto ? assignment.numaNode : nil)
        }
    }
}

extension DeviceSpec {
    /// A VF of an Ethernet card as an interface, whose MAC and VLAN libvirt sets; any other function as a plain hostdev.
    ///
    /// A VF whose VLAN tag has a priority or is a provider's is a hostdev too: libvirt knows neither and would set a
    /// plain tag.
    package init(_ assignment: Assignment, failover: String? = nil, alignedTo node: Int? = nil) throws(MalformedValue) {
        var vlan: VLANID?
        var isInterface = assignment.isNetwork && assignment.virtualFunction != nil
        if case .tag(let tag)? = assignment.settings.vlan {
            vlan = tag.id
            if tag != VLANTag(tag.id) { isInterface = false }
        }
        try self.init(
            address: assignment.address, kind: isInterface ? .interface : .hostdev, mac: assignment.settings.mac,
            vlan: vlan, name: assignment.name, failover: failover, companionOf: assignment.companionOf, alignedTo: node)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A device that Buslane added to a domain: one whose alias starts with `ua-buslane-`.
public struct InjectedDevice: Hashable, Sendable {
    public let name: String
    public let address: PCIAddress
    public let kind: DeviceSpec.Kind
    /// As in the XML, also where libvirt chose it.
    public let mac: MACAddress?
    /// nil without a VLAN, and for a trunk, which Buslane never writes.
    public let vlan: VLANID?
    /// The alias of the interface that carries the traffic while the device is unplugged.
    public let failover: String?
    /// Whether another device shares its slot in the guest: libvirt unplugs none of them while the guest runs.
    ///
    /// Source: qemuIsMultiFunctionDevice, qemu_hotplug.c.
    public let sharesSlot: Bool

    public init(
        name: String, address: PCIAddress, kind: DeviceSpec.Kind, mac: MACAddress?, vlan: VLANID?,
        failover: String? = nil, sharesSlot: Bool = false
    ) {
        self.name = name
        self.address = address
        self.kind = kind
        self.mac = mac
        self.vlan = vlan
        self.failover = failover
        self.sharesSlot = sharesSlot
    }
}

/// A device that takes a function from the host and that Buslane did not add.
public struct ForeignDevice: Hashable, Sendable {
    public let address: PCIAddress
    /// Its name in messages: its alias or element, and its line.
    public let label: String
    /// Whether QEMU gets it from an option that libvirt passes on unread.
    public let isOnCommandLine: Bool

    init(address: PCIAddress, label: String) {
        self.address = address
        self.label = label
        isOnCommandLine = false
    }

    /// - Parameter line: of the document.
    init(address: PCIAddress, onCommandLine line: Int) {
        self.address = address
        label = "an option of QEMU's at line \(line)"
        isOnCommandLine = true
    }
}

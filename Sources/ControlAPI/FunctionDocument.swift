// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A function of an ``Inventory``.
public struct FunctionDocument: Codable, Sendable, Equatable {
    public var address: PCIAddress
    @ExplicitNull public var vendor: Inventory.Named?
    @ExplicitNull public var device: Inventory.Named?
    public var subsystem: Inventory.Subsystem
    @ExplicitNull public var `class`: Inventory.Named?
    @ExplicitNull public var revision: String?
    @ExplicitNull public var driver: String?
    @ExplicitNull public var driverOverride: String?
    /// The VFIO driver that suits it.
    @ExplicitNull public var vfioDriver: String?
    @ExplicitNull public var iommuGroup: Int?
    @ExplicitNull public var numaNode: Int?
    @ExplicitNull public var localCPUs: String?
    @ExplicitNull public var parent: PCIAddress?
    public var resetMethods: [String]
    @ExplicitNull public var link: Inventory.Link?
    public var role: String
    @ExplicitNull public var sriov: Inventory.SRIOV?
    @ExplicitNull public var virtualFunction: Inventory.Place?
    public var interfaces: [Inventory.Interface]
    /// From config space; null when the reader may not see it.
    @ExplicitNull public var capabilities: Inventory.Capabilities?
    /// Access control up to the root; null without capabilities.
    @ExplicitNull public var acsPath: Inventory.ACSPath?
    /// `vfio0` while a VFIO driver has it.
    @ExplicitNull public var vfioDevice: String?
    /// A VF's interrupt vectors, as its PF's driver gave them.
    @ExplicitNull public var vfMSIXCount: Int?
    /// `a0-36-9f-ff-ff-12-34-56`; null for a VF, for a card without one, and without privilege.
    @ExplicitNull public var serialNumber: SerialNumber?
    /// What the PF enforces for a VF; null for another function, or if the PF does not report it.
    @ExplicitNull public var vfSettings: Inventory.VFSettings?
    /// The id of the live claim that has it.
    @ExplicitNull public var claim: String?
    /// What uses it now, according to the host.
    public var holders: [Holder]
}

extension FunctionDocument {
    /// The function's own ports. From a daemon that does not tell them apart: all interfaces.
    public var ports: [Inventory.Interface] { interfaces.filter { $0.isPort != false } }
}

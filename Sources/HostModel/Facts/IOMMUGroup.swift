// SPDX-License-Identifier: GPL-3.0-or-later

/// The smallest set of functions that the IOMMU can isolate: the unit of ownership.
///
/// Source: `kernel/iommu_groups/N`, Documentation/driver-api/vfio.rst.
public struct IOMMUGroup: Hashable, Sendable {
    /// The number in this boot; a reboot may change it.
    public let id: Int
    /// The default domain's type, `DMA-FQ` or `identity`; nil if unreadable.
    public let type: String?
    /// All its functions including bridges, in address order.
    public let functions: [PCIAddress]

    /// The character device with which a program opens the group; nil while it has none.
    /// Source: Documentation/driver-api/vfio.rst.
    public let device: String?

    /// VFIO made the group up in no-IOMMU mode: nothing isolates its function, so no guest may have it.
    /// Source: `name` reads `vfio-noiommu`; `vfio_noiommu_group_alloc`, drivers/vfio/group.c.
    public let isNoIOMMU: Bool

    public init(id: Int, type: String?, functions: [PCIAddress], device: String? = nil, isNoIOMMU: Bool = false) {
        self.id = id
        self.type = type
        self.functions = functions
        self.device = device
        self.isNoIOMMU = isNoIOMMU
    }

    /// A function because of which VFIO refuses the group.
    public struct Blocker: Hashable, Sendable, Codable {
        public let address: PCIAddress
        public let reason: String

        public init(address: PCIAddress, reason: String) {
            self.address = address
            self.reason = reason
        }
    }
}

extension HostSnapshot {
    /// The functions of a group that are bound to a host driver. Until they are unbound the group is not viable.
    ///
    /// VFIO ignores root ports and bridges to another bus. Of a group without an IOMMU every function counts.
    public func blockers(of group: IOMMUGroup) -> [IOMMUGroup.Blocker] {
        if group.isNoIOMMU { return group.functions.map { .init(address: $0, reason: "isolated by no IOMMU") } }
        return group.functions.compactMap { address in
            guard let function = self[address], !function.leadsToAnotherBus, let driver = function.driver,
                !function.isOnVFIO
            else { return nil }
            return .init(address: address, reason: "bound to host driver \(driver)")
        }
    }
}

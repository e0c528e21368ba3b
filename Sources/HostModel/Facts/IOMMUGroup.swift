// SPDX-License-Identifier: GPL-3.0-or-later

/// What the IOMMU can isolate: the unit of ownership.
///
/// Source: `kernel/iommu_groups/N`, Documentation/driver-api/vfio.rst.
public struct IOMMUGroup: Hashable, Sendable {
    /// This boot's number; changes over a reboot.
    public let id: Int
    /// The default domain's type, `DMA-FQ` or `identity`; nil when unreadable.
    public let type: String?
    /// Every function in it, bridges too, in address order.
    public let functions: [PCIAddress]

    /// The character device by which a program opens the group; nil while it has none.
    /// Source: Documentation/driver-api/vfio.rst.
    public let device: String?

    public init(id: Int, type: String?, functions: [PCIAddress], device: String? = nil) {
        self.id = id
        self.type = type
        self.functions = functions
        self.device = device
    }

    /// Why VFIO would refuse the group.
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
    /// The functions of a group that are on a host driver: they keep it from being viable.
    ///
    /// Root ports and bridges to another bus do not count: VFIO passes over them.
    public func blockers(of group: IOMMUGroup) -> [IOMMUGroup.Blocker] {
        group.functions.compactMap { address in
            guard let function = self[address], !function.leadsToAnotherBus, let driver = function.driver,
                !function.isOnVFIO
            else { return nil }
            return .init(address: address, reason: "bound to host driver \(driver)")
        }
    }
}

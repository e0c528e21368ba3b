// SPDX-License-Identifier: GPL-3.0-or-later

/// A physical function's SR-IOV facts. Source: the `sriov_*` attributes.
public struct SRIOV: Hashable, Sendable {
    public var totalVFs: Int
    public var vfCount: Int
    /// Routing-id distance from the PF to its first VF, and between VFs. Source: `sriov_offset`, `sriov_stride`.
    public var offset: Int?
    public var stride: Int?
    /// The VFs' device id. Source: `sriov_vf_device`.
    public var vfDevice: UInt16?
    /// Whether the kernel binds a driver to each new VF. Source: `sriov_drivers_autoprobe`.
    public var driversAutoprobe: Bool?
    /// By VF index. Source: the `virtfnN` links.
    public var virtualFunctions: [PCIAddress]
    /// Interrupt vectors that can be distributed among the VFs; nil or 0 if the driver does not support that.
    /// Source: `sriov_vf_total_msix`.
    public var vfTotalMSIX: Int?
    /// Which switch connects the VFs; nil if devlink does not report it.
    public var eswitchMode: ESwitchMode?
    /// How many VFs hang on one port each: the first so many on port 0, the next on port 1. All further VFs can use every
    /// port. Empty if the driver makes no such difference. Source: `num_vfs` of mlx4_core, `mlx4_load_one`.
    public var vfsPerPort: [Int]
    /// Whether the VFs' memory has addresses, which the host's firmware or the kernel gives it. Without them the kernel
    /// makes no VF. nil if not known. Source: `resource`.
    public var hasVFMemory: Bool?

    /// Source: `enum devlink_eswitch_mode`, include/uapi/linux/devlink.h.
    public enum ESwitchMode: String, Hashable, Sendable, Codable {
        /// The card's own switch, as the PF configures it for each VF.
        case legacy
        /// The host's switch, through a representor interface for each VF.
        case switchdev
    }

    public init(
        totalVFs: Int, vfCount: Int, offset: Int? = nil, stride: Int? = nil, vfDevice: UInt16? = nil,
        driversAutoprobe: Bool? = nil, virtualFunctions: [PCIAddress] = [], vfTotalMSIX: Int? = nil,
        eswitchMode: ESwitchMode? = nil, vfsPerPort: [Int] = [], hasVFMemory: Bool? = nil
    ) {
        self.totalVFs = totalVFs
        self.vfCount = vfCount
        self.offset = offset
        self.stride = stride
        self.vfDevice = vfDevice
        self.driversAutoprobe = driversAutoprobe
        self.virtualFunctions = virtualFunctions
        self.vfTotalMSIX = vfTotalMSIX
        self.eswitchMode = eswitchMode
        self.vfsPerPort = vfsPerPort
        self.hasVFMemory = hasVFMemory
    }
}

/// A VF's PF, and its index there. Source: the `physfn` link and the PF's `virtfnN` links.
public struct VirtualFunction: Hashable, Sendable, Codable {
    public let physicalFunction: PCIAddress
    /// 0-based, as in `ip link … vf INDEX`.
    public let index: Int

    public init(physicalFunction: PCIAddress, index: Int) {
        self.physicalFunction = physicalFunction
        self.index = index
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// One PCI function as observed: what sysfs says of it, with unknown as nil and never as a guess.
///
/// Source: `bus/pci/devices/ADDRESS/`, Documentation/ABI/testing/sysfs-bus-pci.
public struct Function: Hashable, Sendable {
    public let address: PCIAddress
    public var identity: Identity
    /// The bound driver; nil when none is. Source: the `driver` link.
    public var driver: String?
    /// The one driver this function may bind to; nil when unset. Source: `driver_override`, `(null)` when unset.
    public var driverOverride: String?
    /// The IOMMU group's number in this boot; never an identity across boots. Source: the `iommu_group` link.
    public var iommuGroup: Int?
    /// nil when the firmware named none (`numa_node` reads -1).
    public var numaNode: Int?
    /// CPUs near the function in the kernel's list form; nil when its node is unknown. Source: `local_cpulist`.
    public var localCPUs: String?
    /// The nearest PCI function above it in the device tree, a root port or bridge.
    public var parent: PCIAddress?
    /// The ways to reset it, in the kernel's order of preference. Source: `reset_method`.
    public var resetMethods: [String]
    public var link: PCIeLink?
    public var role: Role
    public var interfaces: [NetworkInterface]
    /// For a VF, what its PF enforces; nil when the PF has no network interface or was not asked.
    public var vfSettings: VFSettings?
    /// From config space; nil when that was not readable or not asked.
    public var capabilities: Capabilities?
    /// For a VF whose PF's driver shares interrupt vectors out, how many it has; nil when not asked.
    ///
    /// `sriov_vf_msix_count` sets them and cannot be read; the size of the VF's MSI-X table tells the same.
    /// Source: `DEVICE_ATTR_WO(sriov_vf_msix_count)`, drivers/pci/iov.c.
    public var vfMSIXCount: Int?
    /// nil for a VF, for a card that has none, and when not readable or not asked.
    public var serialNumber: SerialNumber?
    /// The VFIO driver that suits it, `vfio-pci` or a vendor's variant; nil for a bridge or when not asked.
    public var vfioDriver: String?
    /// `vfioN` while a VFIO driver has it. Source: `vfio-dev/`.
    public var vfioDevice: String?

    /// What the function is on its card.
    public enum Role: Hashable, Sendable {
        /// Can be cut into VFs: `sriov_totalvfs` is above 0.
        case physicalFunction(SRIOV)
        /// A slice of a physical function.
        case virtualFunction(VirtualFunction)
        /// Neither.
        case function
    }

    public init(
        address: PCIAddress, identity: Identity, driver: String? = nil, driverOverride: String? = nil,
        iommuGroup: Int? = nil, numaNode: Int? = nil, localCPUs: String? = nil, parent: PCIAddress? = nil,
        resetMethods: [String] = [], link: PCIeLink? = nil, role: Role = .function,
        interfaces: [NetworkInterface] = [], vfSettings: VFSettings? = nil,
        capabilities: Capabilities? = nil, vfMSIXCount: Int? = nil, serialNumber: SerialNumber? = nil,
        vfioDriver: String? = nil,
        vfioDevice: String? = nil
    ) {
        self.address = address
        self.identity = identity
        self.driver = driver
        self.driverOverride = driverOverride
        self.iommuGroup = iommuGroup
        self.numaNode = numaNode
        self.localCPUs = localCPUs
        self.parent = parent
        self.resetMethods = resetMethods
        self.link = link
        self.role = role
        self.interfaces = interfaces
        self.vfSettings = vfSettings
        self.capabilities = capabilities
        self.vfMSIXCount = vfMSIXCount
        self.serialNumber = serialNumber
        self.vfioDriver = vfioDriver
        self.vfioDevice = vfioDevice
    }

    // Not inlined, here and below: where a function is lent by an array, Swift 6.3.1's optimiser ends in an ownership
    // error over the payload.
    @inline(never)
    public var sriov: SRIOV? {
        if case .physicalFunction(let sriov) = role { sriov } else { nil }
    }

    @inline(never)
    public var virtualFunction: VirtualFunction? {
        if case .virtualFunction(let relation) = role { relation } else { nil }
    }

    /// What decisions rest on, and effects of ours change: without what is read for telling alone.
    public var decisive: Function {
        var function = self
        function.capabilities = nil
        function.vfMSIXCount = nil
        function.serialNumber = nil
        function.link = nil
        function.vfioDriver = nil
        for position in function.interfaces.indices {
            function.interfaces[position].addresses = nil
            function.interfaces[position].speedMbps = nil
        }
        if case .physicalFunction(var sriov) = function.role {
            sriov.eswitchMode = nil
            function.role = .physicalFunction(sriov)
        }
        return function
    }

    /// Fills in what is not read for a decision: the serial number and the link cost a look at config space, which wakes a
    /// sleeping function, and a speed waits for whatever the kernel does with any network card.
    public mutating func takeUnread(from earlier: Function?) {
        if virtualFunction == nil { serialNumber = earlier?.serialNumber }
        link = earlier?.link
        for position in interfaces.indices {
            let before = earlier?.interfaces.first { $0.index == interfaces[position].index }
            interfaces[position].speedMbps = before?.speedMbps
        }
    }

    /// The name of one of its network interfaces that nobody switched on; nil when there is none such.
    public var downInterface: String? { interfaces.first { !$0.isAdministrativelyUp }?.name }

    /// A function of the host's own plumbing, which is never handed out.
    public var isBridge: Bool { identity.isBridge }

    /// A bridge to another PCI bus: VFIO passes over it, whatever driver it has. An ISA bridge, of class 0601, is a function
    /// like any other to the IOMMU.
    ///
    /// Source: `vfio_dev_driver_allowed` before kernel 5.19, `driver_managed_dma` of pcieport since; PCI Code and ID
    /// Assignment Specification, class 06.
    public var leadsToAnotherBus: Bool { [0x0604, 0x0607, 0x0609].contains(identity.classCode >> 8) }

    /// A network card or a slice of one, whose MAC and VLAN can be set.
    public var isNetwork: Bool { identity.baseClass == 0x02 }

    /// Bound to `vfio-pci` or a vendor's variant of it.
    public var isOnVFIO: Bool { driver.map(VFIO.isVFIODriver) ?? false }
}

/// What the function says it is.
public struct Identity: Hashable, Sendable {
    public var vendor: UInt16
    public var device: UInt16
    public var subsystemVendor: UInt16
    public var subsystemDevice: UInt16
    /// Base class, subclass and programming interface: 24 bits.
    public var classCode: UInt32
    public var revision: UInt8

    public init(
        vendor: UInt16, device: UInt16, subsystemVendor: UInt16 = 0, subsystemDevice: UInt16 = 0,
        classCode: UInt32, revision: UInt8 = 0
    ) {
        self.vendor = vendor
        self.device = device
        self.subsystemVendor = subsystemVendor
        self.subsystemDevice = subsystemDevice
        self.classCode = classCode
        self.revision = revision
    }

    /// The top byte of the class code: 02 network, 03 display, 06 bridge.
    public var baseClass: UInt8 { UInt8(truncatingIfNeeded: classCode >> 16) }

    public var isBridge: Bool { baseClass == 0x06 }
}

/// A physical function's SR-IOV facts. Source: the `sriov_*` attributes.
public struct SRIOV: Hashable, Sendable {
    public var totalVFs: Int
    public var vfCount: Int
    /// Routing-id distance from the PF to its first VF, and between VFs. Source: `sriov_offset`, `sriov_stride`.
    public var offset: Int?
    public var stride: Int?
    /// The VFs' device id. Source: `sriov_vf_device`.
    public var vfDevice: UInt16?
    /// Whether the kernel binds a driver to a new VF by itself. Source: `sriov_drivers_autoprobe`.
    public var driversAutoprobe: Bool?
    /// By VF index. Source: the `virtfnN` links.
    public var virtualFunctions: [PCIAddress]
    /// Interrupt vectors that can be shared out among the VFs; nil or 0 where the driver does not let one choose.
    /// Source: `sriov_vf_total_msix`.
    public var vfTotalMSIX: Int?
    /// Who switches between the VFs; nil where devlink does not tell.
    public var eswitchMode: ESwitchMode?

    /// Source: `enum devlink_eswitch_mode`, include/uapi/linux/devlink.h.
    public enum ESwitchMode: String, Hashable, Sendable, Codable {
        /// The card by itself, as the PF set it up for each VF.
        case legacy
        /// The host, through an interface for each VF.
        case switchdev
    }

    public init(
        totalVFs: Int, vfCount: Int, offset: Int? = nil, stride: Int? = nil, vfDevice: UInt16? = nil,
        driversAutoprobe: Bool? = nil, virtualFunctions: [PCIAddress] = [], vfTotalMSIX: Int? = nil,
        eswitchMode: ESwitchMode? = nil
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
    }
}

/// A virtual function's place on its physical function. Source: the `physfn` link and the PF's `virtfnN` links.
public struct VirtualFunction: Hashable, Sendable, Codable {
    public let physicalFunction: PCIAddress
    /// 0-based, as in `ip link … vf INDEX`.
    public let index: Int

    public init(physicalFunction: PCIAddress, index: Int) {
        self.physicalFunction = physicalFunction
        self.index = index
    }
}

/// The PCIe link above the function. Source: `current_link_speed` and its kin.
public struct PCIeLink: Hashable, Sendable, Codable {
    public let speedGTs: Double?
    public let width: Int?
    public let maxSpeedGTs: Double?
    public let maxWidth: Int?

    public init(speedGTs: Double?, width: Int?, maxSpeedGTs: Double?, maxWidth: Int?) {
        self.speedGTs = speedGTs
        self.width = width
        self.maxSpeedGTs = maxSpeedGTs
        self.maxWidth = maxWidth
    }

    /// Whether nothing is known of it.
    public var isUnknown: Bool { speedGTs == nil && width == nil && maxSpeedGTs == nil && maxWidth == nil }
}

/// A network interface that a function's driver made. Source: `ADDRESS/net/NAME/`.
public struct NetworkInterface: Hashable, Sendable {
    /// Changes with a rename: never an identity.
    public let name: String
    /// The kernel's number for it, stable until it vanishes.
    public let index: Int
    public let mac: MACAddress?
    /// RFC 2863 state: `up`, `down`, `unknown`, … Source: `operstate`.
    public let state: String
    /// Someone switched it on (`IFF_UP` of `flags`), whether or not there is a carrier.
    public let isAdministrativelyUp: Bool
    /// nil without a carrier.
    public var speedMbps: Int?
    public let mtu: Int?
    /// The bridge or bond it belongs to. Source: the `master` link.
    public let master: String?
    /// Interfaces on top of it: VLANs, macvtaps, and its master too. Source: the `upper_NAME` links.
    public let uppers: [String]
    /// The host's own addresses on it, `10.0.0.2/24`, without link-local ones; nil when not asked.
    public var addresses: [String]?

    public init(
        name: String, index: Int, mac: MACAddress?, state: String, isAdministrativelyUp: Bool, speedMbps: Int? = nil,
        mtu: Int? = nil, master: String? = nil, uppers: [String] = [], addresses: [String]? = nil
    ) {
        self.name = name
        self.index = index
        self.mac = mac
        self.state = state
        self.isAdministrativelyUp = isAdministrativelyUp
        self.speedMbps = speedMbps
        self.mtu = mtu
        self.master = master
        self.uppers = uppers
        self.addresses = addresses
    }
}

/// What counts as a VFIO driver.
public enum VFIO {
    /// The driver that suits every function.
    public static let genericDriver = "vfio-pci"

    /// vfio-pci itself, or a vendor's variant, which the kernel names `…vfio-pci` or `…_vfio_pci`.
    public static func isVFIODriver(_ name: String) -> Bool {
        name == genericDriver || name.hasSuffix("vfio-pci") || name.hasSuffix("vfio_pci")
    }
}

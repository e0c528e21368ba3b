// SPDX-License-Identifier: GPL-3.0-or-later

/// One PCI function as observed in sysfs. An unknown value is nil, never a guess.
///
/// Source: `bus/pci/devices/ADDRESS/`, Documentation/ABI/testing/sysfs-bus-pci.
public struct Function: Hashable, Sendable {
    public let address: PCIAddress
    public var identity: Identity
    /// The bound driver; nil if there is none. Source: the `driver` link.
    public var driver: String?
    /// The only driver that may bind to the function; nil if unset. Source: `driver_override`, `(null)` if unset.
    public var driverOverride: String?
    /// The IOMMU group's number in this boot; another boot may number it differently. Source: the `iommu_group` link.
    public var iommuGroup: Int?
    /// nil if the firmware names none (`numa_node` is -1).
    public var numaNode: Int?
    /// CPUs near the function in the kernel's list format; nil if its node is unknown. Source: `local_cpulist`.
    public var localCPUs: String?
    /// The next PCI function above it in the device tree, a root port or bridge.
    public var parent: PCIAddress?
    /// Its reset methods, in the kernel's order of preference. Source: `reset_method`.
    public var resetMethods: [String]
    public var link: PCIeLink?
    public var role: Role
    public var interfaces: [NetworkInterface]
    /// Whether its host driver made an interface that is in another network namespace, as of a container, so that
    /// ``interfaces`` lacks it. False in a captured tree.
    public var hasInterfaceElsewhere: Bool
    /// Whether it is the graphics card of the host's console, on which the firmware started; nil for a function that is no
    /// graphics card, and if not known. Source: `boot_vga`, and `boot_display` since kernel 6.17.
    public var isConsole: Bool?
    /// For a VF, the settings that its PF enforces; nil if the PF has no network interface or was not queried.
    public var vfSettings: VFSettings?
    /// From config space; nil if that was not readable or not read.
    public var capabilities: Capabilities?
    /// For a VF whose PF's driver distributes interrupt vectors, how many it has; nil if not read.
    ///
    /// `sriov_vf_msix_count` can be written but not read. The size of the VF's MSI-X table is the same number.
    /// Source: `DEVICE_ATTR_WO(sriov_vf_msix_count)`, drivers/pci/iov.c.
    public var vfMSIXCount: Int?
    /// nil for a VF, for a device without one, and if not readable or not read.
    public var serialNumber: SerialNumber?
    /// The best VFIO driver for it, `vfio-pci` or a vendor's variant; nil for a bridge or if not read.
    public var vfioDriver: String?
    /// `vfioN` while it is bound to a VFIO driver. Source: `vfio-dev/`.
    public var vfioDevice: String?

    /// The function's role in SR-IOV.
    public enum Role: Hashable, Sendable {
        /// It can have VFs: `sriov_totalvfs` is above 0.
        case physicalFunction(SRIOV)
        /// It is a VF of a physical function.
        case virtualFunction(VirtualFunction)
        /// It is a VF whose place on its PF is not known: its PF has no link to it, or is not there.
        ///
        /// On a running host such a VF is being made or removed, and is left out. A captured tree can lack the link.
        /// It is in no pool: nothing could set it up.
        case unplacedVirtualFunction(of: PCIAddress?)
        /// Neither.
        case function
    }

    public init(
        address: PCIAddress, identity: Identity, driver: String? = nil, driverOverride: String? = nil,
        iommuGroup: Int? = nil, numaNode: Int? = nil, localCPUs: String? = nil, parent: PCIAddress? = nil,
        resetMethods: [String] = [], link: PCIeLink? = nil, role: Role = .function,
        interfaces: [NetworkInterface] = [], hasInterfaceElsewhere: Bool = false, isConsole: Bool? = nil,
        vfSettings: VFSettings? = nil, capabilities: Capabilities? = nil, vfMSIXCount: Int? = nil,
        serialNumber: SerialNumber? = nil,
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
        self.hasInterfaceElsewhere = hasInterfaceElsewhere
        self.isConsole = isConsole
        self.vfSettings = vfSettings
        self.capabilities = capabilities
        self.vfMSIXCount = vfMSIXCount
        self.serialNumber = serialNumber
        self.vfioDriver = vfioDriver
        self.vfioDevice = vfioDevice
    }

    // Not inlined, here and below: when a function is borrowed from an array, Swift 6.3.1's optimizer reports an ownership
    // error for the payload.
    @inline(never)
    public var sriov: SRIOV? {
        if case .physicalFunction(let sriov) = role { sriov } else { nil }
    }

    @inline(never)
    public var virtualFunction: VirtualFunction? {
        if case .virtualFunction(let relation) = role { relation } else { nil }
    }

    /// Whether it is a VF whose place on its PF is not known.
    @inline(never)
    public var isUnplaced: Bool {
        if case .unplacedVirtualFunction = role { true } else { false }
    }

    /// The function without facts that are only shown: what remains decides, or is changed by Buslane.
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

    /// Takes over facts that are not read for a decision. Reading the serial number and the link accesses config space,
    /// which wakes a suspended function; reading the speed waits for the kernel's global network lock.
    public mutating func takeUnread(from earlier: Function?) {
        if virtualFunction == nil { serialNumber = earlier?.serialNumber }
        link = earlier?.link
        for position in interfaces.indices {
            let before = earlier?.interfaces.first { $0.index == interfaces[position].index }
            interfaces[position].speedMbps = before?.speedMbps
        }
    }

    /// A bridge of the host, which can never be claimed.
    public var isBridge: Bool { identity.isBridge }

    /// A bridge to another PCI bus. VFIO ignores it, whatever its driver. For the IOMMU an ISA bridge, class 0601, is a
    /// function like any other.
    ///
    /// Source: `vfio_dev_driver_allowed` before kernel 5.19, `driver_managed_dma` of pcieport since; PCI Code and ID
    /// Assignment Specification, class 06.
    public var leadsToAnotherBus: Bool { [0x0604, 0x0607, 0x0609].contains(identity.subclass) }

    /// An Ethernet function. Only such a VF has a MAC address and a VLAN: one of InfiniBand or of another fabric has none.
    public var isEthernet: Bool { identity.classCode.map(Identity.isEthernet(classCode:)) ?? false }

    /// Bound to a VFIO driver: `vfio-pci`, a vendor's variant, or a vendor's own driver, like `nvidia` of a vGPU.
    ///
    /// The kernel states it by `vfio-dev/`. Kernels before 6.1 do not, so there the driver's name decides.
    public var isOnVFIO: Bool { driver.map { vfioDevice != nil || VFIO.isVFIODriver($0) } ?? false }

    /// Bound to a driver with which the host itself uses the function.
    public var isOnHostDriver: Bool { driver != nil && !isOnVFIO }

    /// Whether the host's console is on it now.
    var showsConsole: Bool { isConsole == true && isOnHostDriver }
}

/// The function's ids and class, from its config space. nil for what is not known.
public struct Identity: Hashable, Sendable {
    public var vendor: UInt16?
    public var device: UInt16?
    public var subsystemVendor: UInt16?
    public var subsystemDevice: UInt16?
    /// Base class, subclass and programming interface: 24 bits.
    public var classCode: UInt32?
    public var revision: UInt8?

    public init(
        vendor: UInt16?, device: UInt16?, subsystemVendor: UInt16? = 0, subsystemDevice: UInt16? = 0,
        classCode: UInt32?, revision: UInt8? = 0
    ) {
        self.vendor = vendor
        self.device = device
        self.subsystemVendor = subsystemVendor
        self.subsystemDevice = subsystemDevice
        self.classCode = classCode
        self.revision = revision
    }

    /// Nothing is known. It is not a bridge, so the function counts in its group.
    public static let unknown = Identity(
        vendor: nil, device: nil, subsystemVendor: nil, subsystemDevice: nil, classCode: nil, revision: nil)

    /// The top byte of the class code: 02 network, 03 display, 06 bridge.
    public var baseClass: UInt8? { classCode.map { UInt8(truncatingIfNeeded: $0 >> 16) } }

    /// The class code without its programming interface: 0604 is a PCI bridge.
    public var subclass: UInt32? { classCode.map { $0 >> 8 } }

    public var isBridge: Bool { baseClass == 0x06 }

    /// Source: PCI Code and ID Assignment Specification, class 02: 00 is Ethernet; 80, "other", is used by some Ethernet
    /// cards.
    ///
    /// - Parameter classCode: 24 bits.
    public static func isEthernet(classCode: UInt32) -> Bool { [0x0200, 0x0280].contains(classCode >> 8) }
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

/// The PCIe link above the function. Source: `current_link_speed`, `current_link_width` and their maxima.
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

/// A network interface that a function's driver created. Source: `ADDRESS/net/NAME/`.
public struct NetworkInterface: Hashable, Sendable {
    /// A rename changes it: it does not identify the interface.
    public let name: String
    /// The kernel's ifindex, stable until the interface vanishes; nil if unknown, as in a captured tree without it.
    public let index: Int?
    public let mac: MACAddress?
    /// RFC 2863 state: `up`, `down`, `unknown`, … Source: `operstate`.
    public let state: String
    /// It is set up (`IFF_UP` of `flags`), with or without a carrier; nil if unknown.
    public let isSetUp: Bool?
    /// nil without a carrier.
    public var speedMbps: Int?
    public let mtu: Int?
    /// The bridge or bond it belongs to. Source: the `master` link.
    public let master: String?
    /// Interfaces on top of it: VLANs, macvtaps, and its master too. Source: the `upper_NAME` links.
    public let uppers: [String]
    /// The host's own addresses on it, `10.0.0.2/24`, without link-local ones; nil if not read.
    public var addresses: [String]?
    /// Where it is on its card.
    public var port: PortFacts

    public init(
        name: String, index: Int?, mac: MACAddress?, state: String, isAdministrativelyUp: Bool?, speedMbps: Int? = nil,
        mtu: Int? = nil, master: String? = nil, uppers: [String] = [], addresses: [String]? = nil,
        port: PortFacts = PortFacts()
    ) {
        self.name = name
        self.index = index
        self.mac = mac
        self.state = state
        isSetUp = isAdministrativelyUp
        self.speedMbps = speedMbps
        self.mtu = mtu
        self.master = master
        self.uppers = uppers
        self.addresses = addresses
        self.port = port
    }

    /// Not known to be down. Unknown counts as up: an interface that may be in use is not taken from the host, and none
    /// is reported as down that may be up.
    public var isAdministrativelyUp: Bool { isSetUp != false }
}

/// The names of VFIO drivers. Whether a function is on one, ``Function/isOnVFIO`` tells.
public enum VFIO {
    /// The driver that works with every function.
    public static let genericDriver = "vfio-pci"

    /// Whether it is vfio-pci or a vendor's variant, which the kernel names `…vfio-pci` or `…_vfio_pci`.
    public static func isVFIODriver(_ name: String) -> Bool {
        name == genericDriver || name.hasSuffix("vfio-pci") || name.hasSuffix("vfio_pci")
    }
}

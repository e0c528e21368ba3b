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

/// The names of VFIO drivers. Whether a function is on one, ``Function/isOnVFIO`` tells.
public enum VFIO {
    /// The driver that works with every function.
    public static let genericDriver = "vfio-pci"

    /// Whether it is vfio-pci or a vendor's variant, which the kernel names `…vfio-pci` or `…_vfio_pci`.
    public static func isVFIODriver(_ name: String) -> Bool {
        name == genericDriver || name.hasSuffix("vfio-pci") || name.hasSuffix("vfio_pci")
    }
}

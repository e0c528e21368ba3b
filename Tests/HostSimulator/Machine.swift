// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// An error of the simulated kernel.
public struct KernelError: Error, Equatable, CustomStringConvertible {
    /// `EBUSY`, `ERANGE`, …
    public let name: String
    public let reason: String

    public var description: String { "\(name): \(reason)" }

    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}

extension KernelError: KernelAnswering {
    public var answer: KernelAnswer? {
        switch name {
        case "EAGAIN": .again
        case "EBUSY": .busy
        case "EINVAL": .invalid
        default: nil
        }
    }
}

/// One device on the simulated bus.
struct Device {
    var address: PCIAddress
    var identity: Identity
    var numaNode: Int?
    /// The driver that matches its ids. The kernel binds it if there is no override.
    var nativeDriver: String?
    var driver: String?
    var override: String?
    var group = 0
    var resetMethods = ["flr"]
    /// The interrupt vectors of a VF, if its PF distributes them.
    var msixCount: Int?
    var serialNumber: SerialNumber?
    /// The way to it without bus numbers; nil if the firmware names no host bridge.
    var slot: String?
    var permanentMAC: MACAddress?
    /// The network interface of the native driver; nil if it creates none.
    var interface: String?
    var isUp = false
    /// Whether ``interface`` is in another network namespace.
    var isElsewhere = false
    var isConsole: Bool?
    var mtu = 1500
    /// What the driver creates beside ``interface``.
    var others: [HostBuilder.Interface] = []
    /// Where ``interface`` is on the card.
    var port = PortFacts()
    var sriov: Slicing?
    var relation: VirtualFunction?
    var resets = 0

    init(address: PCIAddress, identity: Identity, numaNode: Int?, nativeDriver: String?) {
        self.address = address
        self.identity = identity
        self.numaNode = numaNode
        self.nativeDriver = nativeDriver
        driver = nativeDriver
        slot = "\\_SB_.PC00/\(address.bus)/\(address.device).\(address.function)"
    }

    /// A PF's SR-IOV state.
    struct Slicing {
        let totalVFs: Int
        let offset: Int
        let stride: Int
        let vfDriver: String?
        let vfGroups: HostBuilder.VFGroups
        let vfsAppearAfter: Int
        let refusing: Set<HostBuilder.Setting>
        /// Interrupt vectors that can be distributed; 0 if the driver does not support that.
        var msixTotal = 0
        /// The driver's default for each VF.
        var msixOwn = 2
        /// A VF that gets no network interface from its driver.
        var vfWithoutInterface: Int?
        /// How many VFs hang on one port each.
        var vfsPerPort: [Int] = []
        var autoprobe = true
        var vfCount = 0
        var vfs: [PCIAddress] = []
        var settings: [VFSettings] = []
        /// The number of waits until new VFs are present; nil if none is being created.
        var waitsLeft: Int?
    }

    /// An interface exists while the driver that creates it is bound.
    var hasInterface: Bool { interface != nil && driver != nil && driver == nativeDriver }
    var isOnVFIO: Bool { driver.map(VFIO.isVFIODriver) ?? false }
}

extension Device {
    /// The device after power-on: without any setting.
    func asPoweredOn() -> Device {
        var fresh = self
        fresh.driver = nativeDriver
        fresh.override = nil
        fresh.mtu = 1500
        fresh.sriov?.autoprobe = true
        fresh.sriov?.vfCount = 0
        fresh.sriov?.vfs = []
        fresh.sriov?.settings = []
        fresh.sriov?.waitsLeft = nil
        return fresh
    }
}

/// The hardware and its kernel, which survive every process. `Machine+Rules.swift` has the rules of the actions.
struct Machine {
    var devices: [PCIAddress: Device] = [:]
    var numaNodes: [NUMANode] = []
    var hasIOMMU = true
    /// Loaded drivers that are not the native driver of a device.
    var drivers: Set<String> = [VFIO.genericDriver]
    var boot = 1
    /// As in `/etc/machine-id`.
    var machineID = "0123456789abcdef0123456789abcdef"
    /// By function: the process that has its group open.
    var holders: [PCIAddress: ProcessHolder] = [:]
    /// By function: the host's uses of it while it is on its host driver.
    var disks: [PCIAddress: [DiskUse]] = [:]
    var openDevices: [PCIAddress: [DeviceUse]] = [:]
    private var nextGroup = 1
    private var pulled: [PCIAddress: Device] = [:]

    mutating func plug(_ device: Device) {
        var device = device
        device.group = takeGroup()
        devices[device.address] = device
    }

    mutating func takeGroup() -> Int {
        defer { nextGroup += 1 }
        return nextGroup
    }

    /// A reboot: no VFs, no bindings, new group numbers, nothing open.
    mutating func reboot() {
        boot += 1
        holders = [:]
        devices = devices.filter { $0.value.relation == nil }
        // In reverse order, so that no group keeps its number by chance.
        var renumbered: [Int: Int] = [:]
        nextGroup += 10
        for group in Set(devices.values.map(\.group)).sorted(by: >) { renumbered[group] = takeGroup() }
        for (address, device) in devices {
            var fresh = device.asPoweredOn()
            fresh.group = renumbered[device.group] ?? 0
            devices[address] = fresh
        }
    }

    /// A reboot in which functions have other addresses: a card was added or removed before them.
    mutating func reboot(moving moves: [PCIAddress: PCIAddress]) {
        reboot()
        let old = devices
        for address in moves.keys { devices[address] = nil }
        for (before, after) in moves {
            devices[after] = old[before]
            devices[after]?.address = after
        }
    }

    /// What the function, or its PF, is.
    func cardIdentity(at address: PCIAddress) -> CardIdentity? {
        guard let device = devices[devices[address]?.relation?.physicalFunction ?? address] else { return nil }
        return CardIdentity(
            slot: device.slot, serial: device.serialNumber, identity: device.identity,
            macs: [device.permanentMAC].compactMap { device.hasInterface ? $0 : nil })
    }

    mutating func pull(_ address: PCIAddress) {
        devices = devices.filter { $0.value.relation?.physicalFunction != address }
        pulled[address] = devices.removeValue(forKey: address)
    }

    mutating func plugAgain(_ address: PCIAddress) {
        if let device = pulled.removeValue(forKey: address) { plug(device.asPoweredOn()) }
    }

    /// Lets time pass: VFs that are being created get nearer to appearing.
    mutating func tick() {
        for (address, device) in devices {
            guard let left = device.sriov?.waitsLeft else { continue }
            if left > 1 {
                devices[address]?.sriov?.waitsLeft = left - 1
            } else {
                makeVFs(of: address)
            }
        }
    }

    var snapshot: HostSnapshot {
        var groups: [Int: [PCIAddress]] = [:]
        for device in devices.values where hasIOMMU { groups[device.group, default: []].append(device.address) }
        return HostSnapshot(
            host: HostIdentity(name: "simulated", machineID: machineID, bootID: "boot-\(boot)", kernel: "6.12.0"),
            iommu: IOMMU(enabled: hasIOMMU && !devices.isEmpty, kind: hasIOMMU ? .intelVTd : nil),
            numaNodes: numaNodes,
            iommuGroups: groups.map { IOMMUGroup(id: $0.key, type: "DMA-FQ", functions: $0.value.sorted()) },
            functions: devices.keys.compactMap(function(at:)))
    }

    func function(at address: PCIAddress) -> Function? {
        guard let device = devices[address] else { return nil }
        var function = Function(
            address: address, identity: device.identity, driver: device.driver, driverOverride: device.override,
            iommuGroup: hasIOMMU ? device.group : nil, numaNode: device.numaNode, resetMethods: device.resetMethods,
            vfMSIXCount: device.msixCount, serialNumber: device.serialNumber)
        function.isConsole = device.isConsole
        function.hasInterfaceElsewhere = device.hasInterface && device.isElsewhere
        if device.hasInterface, !device.isElsewhere, let name = device.interface {
            function.interfaces = [
                NetworkInterface(
                    name: name, index: 2, mac: nil, state: device.isUp ? "up" : "down",
                    isAdministrativelyUp: device.isUp, mtu: device.mtu, port: device.port)
            ]
            for (place, other) in device.others.enumerated() {
                function.interfaces.append(
                    NetworkInterface(
                        name: other.name, index: 3 + place, mac: nil, state: other.isUp ? "up" : "down",
                        isAdministrativelyUp: other.isUp, mtu: other.mtu, port: other.port))
            }
        }
        if let sriov = device.sriov {
            function.role = .physicalFunction(
                SRIOV(
                    totalVFs: sriov.totalVFs, vfCount: sriov.vfCount, offset: sriov.offset, stride: sriov.stride,
                    vfDevice: 0x10ca, driversAutoprobe: sriov.autoprobe, virtualFunctions: sriov.vfs,
                    vfTotalMSIX: sriov.msixTotal, vfsPerPort: sriov.vfsPerPort))
        }
        if let relation = device.relation {
            function.role = .virtualFunction(relation)
            let physical = devices[relation.physicalFunction]
            if physical?.hasInterface == true { function.vfSettings = physical?.sriov?.settings[relation.index] }
        }
        return function
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What the simulated kernel answers instead of doing what it was told.
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
    let address: PCIAddress
    var identity: Identity
    var numaNode: Int?
    /// The driver that matches its ids, which the kernel picks when nobody says otherwise.
    var nativeDriver: String?
    var driver: String?
    var override: String?
    var group = 0
    var resetMethods = ["flr"]
    /// A VF's, where vectors are shared out.
    var msixCount: Int?
    var serialNumber: SerialNumber?
    /// Made by the native driver; nil when that makes none.
    var interface: String?
    var isUp = false
    var mtu = 1500
    var sriov: Slicing?
    var relation: VirtualFunction?
    var resets = 0

    init(address: PCIAddress, identity: Identity, numaNode: Int?, nativeDriver: String?) {
        self.address = address
        self.identity = identity
        self.numaNode = numaNode
        self.nativeDriver = nativeDriver
        driver = nativeDriver
    }

    /// SR-IOV as one PF has it.
    struct Slicing {
        let totalVFs: Int
        let offset: Int
        let stride: Int
        let vfDriver: String?
        let vfGroups: HostBuilder.VFGroups
        let vfsAppearAfter: Int
        let refusing: Set<HostBuilder.Setting>
        /// Interrupt vectors to share out; 0 when the driver does not let one.
        var msixTotal = 0
        /// What its driver gives each VF.
        var msixOwn = 2
        /// Its driver takes it and makes no interface.
        var vfWithoutInterface: Int?
        var autoprobe = true
        var vfCount = 0
        var vfs: [PCIAddress] = []
        var settings: [VFSettings] = []
        /// Waits left until VFs that were asked for are there; nil when none is on its way.
        var waitsLeft: Int?
    }

    /// An interface exists as long as the driver that makes it has the device.
    var hasInterface: Bool { interface != nil && driver != nil && driver == nativeDriver }
    var isOnVFIO: Bool { driver.map(VFIO.isVFIODriver) ?? false }
}

extension Device {
    /// As its driver finds it after the power came: nothing of what was set is left.
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

/// The hardware and its kernel: what outlives every process. Which action is allowed is in `Machine+Rules.swift`.
struct Machine {
    var devices: [PCIAddress: Device] = [:]
    var numaNodes: [NUMANode] = []
    var hasIOMMU = true
    /// Drivers that are loaded, beside those that some device has by nature.
    var drivers: Set<String> = [VFIO.genericDriver]
    var boot = 1
    /// As in `/etc/machine-id`.
    var machineID = "0123456789abcdef0123456789abcdef"
    /// By function: the process that has its group open.
    var holders: [PCIAddress: ProcessHolder] = [:]
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

    /// VFs and bindings are gone, groups are numbered anew, nothing is open.
    mutating func reboot() {
        boot += 1
        holders = [:]
        devices = devices.filter { $0.value.relation == nil }
        // From the other end, so that no group has its old number by chance.
        var renumbered: [Int: Int] = [:]
        nextGroup += 10
        for group in Set(devices.values.map(\.group)).sorted(by: >) { renumbered[group] = takeGroup() }
        for (address, device) in devices {
            var fresh = device.asPoweredOn()
            fresh.group = renumbered[device.group] ?? 0
            devices[address] = fresh
        }
    }

    mutating func pull(_ address: PCIAddress) {
        devices = devices.filter { $0.value.relation?.physicalFunction != address }
        pulled[address] = devices.removeValue(forKey: address)
    }

    mutating func plugAgain(_ address: PCIAddress) {
        if let device = pulled.removeValue(forKey: address) { plug(device.asPoweredOn()) }
    }

    /// Time passes: VFs that were on their way come nearer.
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
        if device.hasInterface, let name = device.interface {
            function.interfaces = [
                NetworkInterface(
                    name: name, index: 2, mac: nil, state: device.isUp ? "up" : "down",
                    isAdministrativelyUp: device.isUp, mtu: device.mtu)
            ]
        }
        if let sriov = device.sriov {
            function.role = .physicalFunction(
                SRIOV(
                    totalVFs: sriov.totalVFs, vfCount: sriov.vfCount, offset: sriov.offset, stride: sriov.stride,
                    vfDevice: 0x10ca, driversAutoprobe: sriov.autoprobe, virtualFunctions: sriov.vfs,
                    vfTotalMSIX: sriov.msixTotal))
        }
        if let relation = device.relation {
            function.role = .virtualFunction(relation)
            let physical = devices[relation.physicalFunction]
            if physical?.hasInterface == true { function.vfSettings = physical?.sriov?.settings[relation.index] }
        }
        return function
    }
}

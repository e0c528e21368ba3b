// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The description of a host, for ``HostSimulator/init(_:)``.
public struct HostBuilder {
    var machine = Machine()

    /// Where the IOMMU puts a PF's VFs.
    public enum VFGroups: Sendable {
        /// One group for each VF: the device and every bridge above it have ACS.
        case own
        /// One group for all VFs of the PF.
        case shared
    }

    /// A setting that a PF's driver refuses for its VFs.
    public enum Setting: Sendable {
        case mac, vlan, trust, spoofCheck, linkState, rate
        /// 802.1ad tags.
        case providerVLAN
        /// Removing a MAC address.
        case zeroMAC
    }

    /// Adds a network PF.
    ///
    /// - Parameters:
    ///   - interface: the name of its network interface; nil for none.
    ///   - msixTotal: interrupt vectors that can be distributed among its VFs; 0 if its driver does not support that.
    ///   - vfWithoutInterface: the index of a VF that gets no network interface from its driver.
    ///   - vfsAppearAfter: the number of waits until new VFs are present.
    public mutating func pf(
        _ address: PCIAddress, totalVFs: Int, numa: Int? = nil, driver: String = "igb", vfDriver: String? = "igbvf",
        interface: String? = "", up: Bool = true, offset: Int = 128, stride: Int = 1, vfGroups: VFGroups = .own,
        vfsAppearAfter: Int = 0, refusing: Set<Setting> = [], msixTotal: Int = 0, serial: SerialNumber? = nil,
        vfWithoutInterface: Int? = nil, mac: MACAddress? = nil, hasSlot: Bool = true
    ) {
        var device = Device(
            address: address, identity: Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000), numaNode: numa,
            nativeDriver: driver)
        device.interface = interface == "" ? Self.name(of: address) : interface
        device.isUp = up
        device.sriov = Device.Slicing(
            totalVFs: totalVFs, offset: offset, stride: stride, vfDriver: vfDriver, vfGroups: vfGroups,
            vfsAppearAfter: vfsAppearAfter, refusing: refusing, msixTotal: msixTotal,
            vfWithoutInterface: vfWithoutInterface)
        device.serialNumber = serial
        device.permanentMAC = mac
        if !hasSlot { device.slot = nil }
        machine.plug(device)
    }

    /// An interface that a PF has beside its first.
    public struct Interface: Sendable {
        public var name: String
        public var isUp: Bool
        public var mtu = 1500
        public var port: PortFacts

        public init(_ name: String, up: Bool, _ port: PortFacts) {
            self.name = name
            isUp = up
            self.port = port
        }
    }

    /// Gives a PF more interfaces: other ports, or representors.
    ///
    /// - Parameters:
    ///   - port: where its first interface is on the card.
    ///   - vfsPerPort: how many VFs hang on one port each.
    public mutating func interfaces(
        of address: PCIAddress, port: PortFacts, _ others: [Interface], vfsPerPort: [Int] = []
    ) {
        machine.devices[address]?.port = port
        machine.devices[address]?.others = others
        machine.devices[address]?.sriov?.vfsPerPort = vfsPerPort
    }

    /// Adds a function without SR-IOV.
    public mutating func function(
        _ address: PCIAddress, driver: String? = nil, numa: Int? = nil, classCode: UInt32 = 0x020000,
        interface: String? = nil, up: Bool = false, resetMethods: [String] = ["flr"], isConsole: Bool? = nil
    ) {
        var device = Device(
            address: address, identity: Identity(vendor: 0x8086, device: 0x10d3, classCode: classCode),
            numaNode: numa, nativeDriver: driver)
        device.interface = interface
        device.isUp = up
        device.resetMethods = resetMethods
        device.isConsole = isConsole
        machine.plug(device)
    }

    /// Adds a root port, with its usual driver.
    public mutating func bridge(_ address: PCIAddress, numa: Int? = nil) {
        machine.plug(
            Device(
                address: address, identity: Identity(vendor: 0x8086, device: 0x2030, classCode: 0x060400),
                numaNode: numa, nativeDriver: "pcieport"))
    }

    /// Puts these functions into one IOMMU group.
    public mutating func group(_ addresses: [PCIAddress]) {
        guard let first = addresses.first, let group = machine.devices[first]?.group else { return }
        for address in addresses { machine.devices[address]?.group = group }
    }

    /// Adds NUMA nodes, some on each processor package. Their distance is 10 to themselves, 12 within a socket, and 11 more for each socket in between.
    public mutating func numaNodes(_ count: Int, perSocket: Int = 1) {
        func distance(_ one: Int, _ other: Int) -> Int {
            let sockets = abs(one / perSocket - other / perSocket)
            return one == other ? 10 : sockets == 0 ? 12 : 10 + 11 * sockets
        }
        machine.numaNodes = (0..<count).map { id in
            NUMANode(
                id: id, cpus: "\(id * 4)-\(id * 4 + 3)", distances: (0..<count).map { distance(id, $0) },
                memory: nil,
                hugepages: [.init(pageSizeBytes: 2 << 20, total: 0, free: 0, isDefault: true)],
                packages: [id / perSocket])
        }
    }

    /// Switches VT-d off in the firmware.
    public mutating func noIOMMU() { machine.hasIOMMU = false }

    /// Leaves vfio-pci unloaded.
    public mutating func noVFIO() { machine.drivers.remove(VFIO.genericDriver) }

    private static func name(of address: PCIAddress) -> String {
        "enp\(address.bus)s\(address.device)f\(address.function)"
    }
}

/// Addresses in tests are literals: a malformed one is a mistake in the test.
extension PCIAddress: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        do { self = try PCIAddress(text) } catch { preconditionFailure(error.description) }
    }
}

extension MACAddress: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        do { self = try MACAddress(text) } catch { preconditionFailure(error.description) }
    }
}

/// `ens1f0#0-3`, `0000:3b:00.0`.
extension PFSlice: ExpressibleByStringLiteral, ExpressibleByUnicodeScalarLiteral,
    ExpressibleByExtendedGraphemeClusterLiteral
where Name: ExpressibleByStringLiteral, Name.StringLiteralType == String {
    public init(stringLiteral text: String) {
        do { try self.init(text, readingName: { Name(stringLiteral: $0) }) } catch {
            preconditionFailure(error.description)
        }
    }
}

/// A value that tests write as a string literal: a malformed one is a mistake in the test.
public func written<Value: TextCodable>(_ text: String) -> Value {
    do { return try Value(text) } catch { preconditionFailure(error.description) }
}

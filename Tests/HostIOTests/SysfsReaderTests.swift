// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import Testing

@Suite("Reading a data-plane host")
struct SysfsReaderTests {
    private let tree: FixtureTree
    private let host: HostSnapshot

    init() throws {
        tree = try FixtureTree(named: "dataplane-host")
        host = try tree.reader.snapshot()
    }

    @Test("reads a healthy host without a warning, functions by address, the five-digit domain last")
    func order() {
        #expect(host.warnings == [])
        #expect(
            host.functions.map(\.address.description) == [
                "0000:00:03.0", "0000:00:0e.0", "0000:00:1e.0", "0000:02:01.0", "0000:02:02.0", "0000:3a:00.0",
                "0000:3b:00.0", "0000:3b:10.0", "0000:3b:10.1", "10000:e0:06.0",
            ])
    }

    @Test("reads the identity of the host and of its boot")
    func identity() {
        #expect(
            host.host
                == HostIdentity(
                    name: "kvm7", machineID: "0123456789abcdef0123456789abcdef",
                    bootID: "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", kernel: "6.12.0"))
    }

    @Test("reads every fact of a PF")
    func physicalFunction() throws {
        let function = try #require(host[address("0000:3b:00.0")])
        #expect(
            function
                == Function(
                    address: try address("0000:3b:00.0"),
                    identity: Identity(
                        vendor: 0x8086, device: 0x158b, subsystemVendor: 0x8086, subsystemDevice: 2,
                        classCode: 0x020000, revision: 2),
                    driver: "i40e", driverOverride: nil, iommuGroup: 5, numaNode: 1, localCPUs: "32-63",
                    parent: try address("0000:3a:00.0"), resetMethods: ["flr", "bus"],
                    link: PCIeLink(speedGTs: 8, width: 8, maxSpeedGTs: 16, maxWidth: 16),
                    role: .physicalFunction(
                        SRIOV(
                            totalVFs: 64, vfCount: 2, offset: 128, stride: 1, vfDevice: 0x154c,
                            driversAutoprobe: false,
                            virtualFunctions: [try address("0000:3b:10.0"), try address("0000:3b:10.1")])),
                    interfaces: [
                        NetworkInterface(
                            name: "ens1f0", index: 4, mac: MACAddress("3c:fd:fe:00:00:01"), state: "up",
                            isAdministrativelyUp: true, speedMbps: 25000, mtu: 9000, master: "br0")
                    ], vfioDriver: "vfio-pci"))
    }

    @Test("reads a VF with its place and override, and without a link")
    func virtualFunction() throws {
        let function = try #require(host[address("0000:3b:10.0")])
        #expect(function.virtualFunction?.physicalFunction == (try address("0000:3b:00.0")))
        #expect(function.virtualFunction?.index == 0)
        #expect(host[try address("0000:3b:10.1")]?.virtualFunction?.index == 1)
        #expect(function.driver == "vfio-pci")
        #expect(function.driverOverride == "vfio-pci")
        #expect(function.vfioDevice == "vfio0")
        #expect(function.link == nil)
        #expect(function.vfSettings == nil)
        // An empty line means that there is no override.
        #expect(host[try address("0000:3b:10.1")]?.driverOverride == nil)
        #expect(host[try address("0000:3b:10.1")]?.driver == nil)
    }

    @Test("a function without a node has no CPUs")
    func unknownNode() throws {
        let card = try #require(host[address("0000:02:01.0")])
        #expect(card.numaNode == nil)
        #expect(card.localCPUs == nil)
    }

    @Test("an interface that is down has no speed; one without a link-layer address has no MAC")
    func interfaces() throws {
        let card = try #require(host[address("0000:02:01.0")])
        #expect(card.interfaces.map(\.name) == ["tunnel", "eth1"])
        #expect(card.interfaces[0].mac == nil)
        #expect(card.interfaces[0].isAdministrativelyUp)
        #expect(card.interfaces[0].mtu == nil)
        #expect(card.interfaces[1].speedMbps == nil)
        #expect(!card.interfaces[1].isAdministrativelyUp)
    }

    @Test("finds the interface behind a virtio device")
    func virtio() throws {
        #expect(host[try address("0000:00:03.0")]?.interfaces.map(\.name) == ["ens3"])
    }

    @Test("finds the parent above a root port, a bridge and another domain")
    func parents() throws {
        #expect(host[try address("0000:3a:00.0")]?.parent == nil)
        #expect(host[try address("0000:02:02.0")]?.parent == (try address("0000:00:1e.0")))
        #expect(host[try address("10000:e0:06.0")]?.parent == (try address("0000:00:0e.0")))
    }

    @Test("an NVMe controller with SR-IOV is a PF without VFs")
    func nvme() throws {
        let sriov = try #require(host[address("10000:e0:06.0")]?.sriov)
        #expect(
            sriov
                == SRIOV(totalVFs: 4, vfCount: 0, offset: 1, stride: 1, vfDevice: 0x10, driversAutoprobe: true))
    }

    @Test("reads the IOMMU groups, and why one is not viable")
    func groups() throws {
        #expect(host.iommu == IOMMU(enabled: true, kind: .intelVTd))
        #expect(host.iommuGroups.map(\.id) == [1, 5, 6, 7, 9, 10])
        let group = try #require(host.group(9))
        #expect(group.type == "identity")
        #expect(group.functions.map(\.description) == ["0000:00:1e.0", "0000:02:01.0", "0000:02:02.0"])
        #expect(
            host.blockers(of: group) == [
                .init(address: try address("0000:02:01.0"), reason: "bound to host driver e1000")
            ])
    }

    @Test("reads the NUMA nodes with memory and huge pages in bytes")
    func nodes() {
        #expect(
            host.numaNodes == [
                NUMANode(
                    id: 0, cpus: "0-31", distances: [10, 21],
                    memory: .init(totalBytes: 16_777_216, freeBytes: 4_194_304),
                    hugepages: [
                        .init(pageSizeBytes: 2_097_152, total: 512, free: 500),
                        .init(pageSizeBytes: 1_073_741_824, total: 4, free: 0),
                    ]),
                NUMANode(
                    id: 1, cpus: "32-63", distances: [21, 10],
                    memory: .init(totalBytes: 33_554_432, freeBytes: 33_554_432), hugepages: []),
            ])
    }

    @Test("a single reading of a function equals the snapshot's")
    func alone() throws {
        for function in host.functions {
            #expect(try tree.reader.function(at: function.address, including: .all) == function)
        }
        #expect(try tree.reader.function(at: address("0000:ff:00.0")) == nil)
    }

    @Test(
        "an AMD host and an Arm host are known by their IOMMUs",
        arguments: [
            ("ivhd0", IOMMU.Kind.amdVi), ("smmu3.0x0000000009050000", .smmu), ("arm-smmu.0", .smmu), ("gart", .other),
        ])
    func iommuKinds(name: String, kind: IOMMU.Kind) throws {
        let tree = try FixtureTree("/sys/class/iommu/\(name)/uevent =")
        #expect(try tree.reader.snapshot().iommu == IOMMU(enabled: false, kind: kind))
    }
}

@Suite("Reading a host while it changes")
struct TroubledHostTests {
    @Test("a function that is being removed is left out; a malformed attribute is nil, with one warning")
    func troubled() throws {
        let tree = try FixtureTree(named: "troubled-host")
        let host = try tree.reader.snapshot()
        #expect(host.host == HostIdentity(name: "attic"))
        #expect(host.iommu == IOMMU(enabled: false, kind: nil))
        #expect(host.functions.map(\.address.description) == ["0000:00:01.0", "0000:00:02.0", "0000:00:11.0"])
        let owner = try address("0000:00:01.0")
        #expect(host[try address("0000:00:11.0")]?.role == .unplacedVirtualFunction(of: owner))
        let card = try #require(host[address("0000:00:02.0")])
        #expect(card.identity.vendor == 0x8086)
        #expect(card.identity.device == nil)
        #expect(card.numaNode == nil)
        #expect(card.resetMethods == [])
        #expect(card.driver == "e1000e")
        #expect(
            host.warnings.sorted() == [
                "0000:00:02.0: cannot read reset_method: Is a directory",
                "0000:00:02.0: has no device",
                "0000:00:02.0: numa_node has the unexpected value 'near the window'",
                "0000:00:11.0: has no subsystem_vendor, subsystem_device, revision",
                "lost+found on the PCI bus is not an address",
            ])
    }

    @Test("VFs that exist before the kernel counts them have their places")
    func midway() throws {
        let tree = try FixtureTree(named: "troubled-host")
        try tree.makeRawLink(
            at: "/sys/devices/pci0000:00/0000:00:01.0/virtfn0", to: "../0000:00:11.0")
        let host = try tree.reader.snapshot()
        #expect(host[try address("0000:00:01.0")]?.sriov?.vfCount == 0)
        #expect(host[try address("0000:00:01.0")]?.sriov?.virtualFunctions == [try address("0000:00:11.0")])
        #expect(host[try address("0000:00:11.0")]?.virtualFunction?.index == 0)
    }

    @Test("VFs that are being removed keep their places, with one warning about the missing ones")
    func shrinking() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        try tree.remove("/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/virtfn0")
        let host = try tree.reader.snapshot()
        let owner = try address("0000:3b:00.0")
        #expect(host[try address("0000:3b:10.0")]?.role == .unplacedVirtualFunction(of: owner))
        #expect(host[try address("0000:3b:10.1")]?.virtualFunction?.index == 1)
        #expect(host.warnings.contains("0000:3b:00.0: has 2 VFs but links to 1"))
    }

    @Test("a VF count above the links, or above the limit, is a warning and not used")
    func tooManyVFs() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        let card = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"
        try tree.write("64", to: card + "/sriov_numvfs")
        var host = try tree.reader.snapshot()
        #expect(host[try address("0000:3b:00.0")]?.sriov?.virtualFunctions.count == 2)
        #expect(host.warnings == ["0000:3b:00.0: has 64 VFs but links to 2"])
        try tree.write("2147483647", to: card + "/sriov_numvfs")
        host = try tree.reader.snapshot()
        #expect(host[try address("0000:3b:00.0")]?.sriov?.vfCount == 2)
        #expect(host.warnings == ["0000:3b:00.0: sriov_numvfs has the unexpected value '2147483647'"])
    }

    @Test("a captured VF whose PF is not in the tree is unplaced, with one warning, and is in no pool")
    func orphan() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        try tree.remove("/sys/bus/pci/devices/0000:3b:00.0")
        let host = try tree.reader.snapshot()
        let virtual = try #require(host[address("0000:3b:10.0")])
        let owner = try address("0000:3b:00.0")
        #expect(virtual.role == .unplacedVirtualFunction(of: owner))
        #expect(virtual.driver == "vfio-pci")
        #expect(Selector(addresses: [virtual.address]).matches(in: host) == [])
        #expect(try tree.reader.function(at: virtual.address, including: .all) == virtual)
        #expect(
            host.warnings == [
                "0000:3b:10.0: its physical function 0000:3b:00.0 is gone",
                "0000:3b:10.1: its physical function 0000:3b:00.0 is gone",
            ])
    }

    @Test("an attribute that is binary or too long is unknown")
    func notText() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        let card = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"
        try tree.write(bytes: [0xff, 0xfe, 0x0a], to: card + "/driver_override")
        try tree.write(String(repeating: "flr ", count: 16384), to: card + "/reset_method")
        let host = try tree.reader.snapshot()
        #expect(host[try address("0000:3b:00.0")]?.driverOverride == nil)
        #expect(host[try address("0000:3b:00.0")]?.resetMethods == [])
        #expect(host.warnings.count == 2)
    }

    @Test("the identity is read from uevent where attributes are missing, and the other way round")
    func identityFromUevent() throws {
        let tree = try FixtureTree(
            """
            [/sys/devices/pci0000:00/0000:00:05.0]
            uevent = DRIVER=i40e\\nPCI_CLASS=20000\\nPCI_ID=8086:158B\\nPCI_SUBSYS_ID=8086:0002
            revision = 0x02
            [/sys/devices/pci0000:00/0000:00:06.0]
            uevent = PCI_CLASS=1020000000\\nPCI_ID=80:86:158B\\nPCI_SUBSYS_ID=
            vendor = 0x15b3
            device = 0x101d
            subsystem_vendor = 0x15b3
            subsystem_device = 0x0001
            class = 0x020000
            revision = 0x01
            """)
        let host = try tree.snapshot()
        #expect(
            host.functions.map(\.identity) == [
                Identity(
                    vendor: 0x8086, device: 0x158b, subsystemVendor: 0x8086, subsystemDevice: 2, classCode: 0x020000,
                    revision: 2),
                Identity(
                    vendor: 0x15b3, device: 0x101d, subsystemVendor: 0x15b3, subsystemDevice: 1, classCode: 0x020000,
                    revision: 1),
            ])
        #expect(host.warnings == [])
    }

    @Test("thousands of functions, read on all cores, are in order, each VF with its place")
    func manyFunctions() throws {
        var manifest = ""
        for bus in 1...6 {
            let card = String(format: "0000:%02x:00.0", bus)
            let vfs = (0..<100).map { String(format: "0000:%02x:%02x.%x", bus, 2 + $0 / 8, $0 % 8) }
            manifest += "[/sys/devices/pci0000:00/\(card)]\nsriov_totalvfs = 128\nsriov_numvfs = 100\n"
            for (index, vf) in vfs.enumerated() { manifest += "virtfn\(index) -> /sys/devices/pci0000:00/\(vf)\n" }
            for vf in vfs {
                manifest += "[/sys/devices/pci0000:00/\(vf)]\nphysfn -> /sys/devices/pci0000:00/\(card)\n"
                manifest += "uevent = PCI_CLASS=20000\\nPCI_ID=8086:154C\\nPCI_SUBSYS_ID=8086:0001\nrevision = 0x01\n"
            }
        }
        let host = try FixtureTree(manifest).snapshot()
        #expect(host.functions.count == 606)
        #expect(host.functions.map(\.address) == host.functions.map(\.address).sorted())
        for card in host.functions where card.sriov != nil {
            let places = card.sriov?.virtualFunctions.map { host[$0]?.virtualFunction }
            #expect(
                places == (0..<100).map { VirtualFunction(physicalFunction: card.address, index: $0) })
        }
    }

    @Test("a root without sys is an error that names it")
    func noSys() throws {
        let tree = try FixtureTree("/proc/sys/kernel/hostname = empty")
        #expect(throws: HostIOError.noSysfs(root: tree.root)) { try tree.reader.snapshot() }
        #expect(throws: HostIOError.noSysfs(root: tree.root)) { try tree.reader.function(at: address("0000:00:00.0")) }
    }

    @Test("a root without a PCI bus has no functions, with a warning")
    func noBus() throws {
        let tree = try FixtureTree("/sys/kernel/uevent_seqnum = 1")
        let host = try tree.reader.snapshot()
        #expect(host.functions == [])
        #expect(host.warnings.count == 1)
        #expect(host.warnings.first?.contains("/sys/bus/pci/devices") == true)
        #expect(try tree.reader.function(at: address("0000:00:00.0")) == nil)
    }

    @Test("two readings of this machine are equal")
    func live() throws {
        let reader = SysfsReader(paths: HostPaths())
        let host = try reader.snapshot()
        #expect(!host.host.name.isEmpty)
        #expect(host.functions.map(\.address) == (try reader.snapshot()).functions.map(\.address))
        for function in host.functions { #expect(function.identity.vendor != nil) }
    }
}

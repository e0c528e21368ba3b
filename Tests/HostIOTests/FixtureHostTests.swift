// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import Testing

/// The hosts of Tests/Fixtures that read without a warning.
let healthyHosts = [
    "dataplane-host", "single-socket", "no-iommu", "amd-vi", "five-digit-domain", "shared-group",
]

@Suite("Fixture hosts")
struct FixtureHostTests {
    @Test(
        "every healthy host is read without a warning, and each function alone as in the snapshot",
        arguments: healthyHosts)
    func healthy(name: String) throws {
        let tree = try FixtureTree(named: name)
        let host = try tree.reader.snapshot()
        #expect(host.warnings == [])
        #expect(!host.functions.isEmpty)
        for function in host.functions {
            #expect(try tree.reader.function(at: function.address, including: .all) == function)
        }
    }

    @Test("a single socket: VFIO drivers by name, VFIO devices, and vectors to distribute")
    func singleSocket() throws {
        let host = try FixtureTree(named: "single-socket").snapshot()
        #expect(host.numaNodes.count == 1)
        let card = try #require(host[address("0000:01:00.0")])
        #expect(card.vfioDriver == "vfio-pci")
        #expect(card.vfioDevice == nil)
        #expect(card.vfMSIXCount == nil)
        #expect(card.sriov?.vfTotalMSIX == 64)
        let virtual = try #require(host[address("0000:01:10.0")])
        // The driver of the loaded module has another name than the module.
        #expect(virtual.vfioDriver == "igb-vfio-pci")
        #expect(virtual.vfioDevice == "vfio0")
        #expect(virtual.vfMSIXCount == 3)
        #expect(virtual.isOnVFIO)
        #expect(host[try address("0000:01:10.2")]?.vfioDevice == nil)
        #expect(host[try address("0000:00:01.0")]?.vfioDriver == nil)
        #expect(host.group(12)?.device == "/dev/vfio/12")
        #expect(host.group(13)?.device == nil)
        #expect(host.acsPath(of: virtual).isComplete == true)
        #expect(host[try address("0000:00:19.0")]?.capabilities?.functionLevelReset == true)
        #expect(host.iommuGroups.allSatisfy { $0.reason(on: host) == nil })
    }

    @Test("the driver of a module that is not loaded has the module's name")
    func notLoaded() throws {
        let tree = try FixtureTree(named: "single-socket")
        try tree.remove("/sys/module/igb_vfio_pci")
        #expect(try tree.reader.snapshot()[address("0000:01:10.0")]?.vfioDriver == "igb_vfio_pci")
        let aliases = try tree.text("/lib/modules/6.12.9/modules.alias")
        try tree.remove("/lib/modules")
        try tree.write(aliases, to: "/usr/lib/modules/6.12.9/modules.alias")
        #expect(try tree.reader.snapshot()[address("0000:01:10.0")]?.vfioDriver == "igb_vfio_pci")
        try tree.remove("/usr/lib/modules")
        #expect(try tree.reader.snapshot()[address("0000:01:10.0")]?.vfioDriver == "vfio-pci")
    }

    @Test("without an IOMMU there are no groups and no kind, but functions")
    func noIOMMU() throws {
        let host = try FixtureTree(named: "no-iommu").snapshot()
        #expect(host.iommu == IOMMU(enabled: false, kind: nil))
        #expect(host.iommuGroups == [])
        #expect(host.functions.map(\.iommuGroup) == [nil])
    }

    @Test("AMD-Vi on two sockets")
    func amd() throws {
        let host = try FixtureTree(named: "amd-vi").snapshot()
        #expect(host.iommu == IOMMU(enabled: true, kind: .amdVi))
        #expect(host.functions.map(\.numaNode) == [0, 0, 1, 1])
        #expect(host.functions.allSatisfy { host.acsPath(of: $0).isComplete == true })
    }

    @Test("a domain of five digits comes last, and its disks have their parents")
    func domain() throws {
        let host = try FixtureTree(named: "five-digit-domain").snapshot()
        let disk = try #require(host.functions.last)
        #expect(disk.address.domain == 0x10000)
        #expect(host.ancestors(of: disk.address).map(\.address.description) == ["10000:e0:06.0", "0000:00:0e.0"])
        #expect(
            host.group(3)?.reason(on: host)?.description
                == "behind the controller 0000:00:0e.0, which uses its own requester id for all of them")
    }

    @Test("each shared group has its reason")
    func shared() throws {
        let host = try FixtureTree(named: "shared-group").snapshot()
        #expect(
            host.iommuGroups.map { $0.reason(on: host)?.description } == [
                nil, "behind the PCIe-to-PCI bridge 0000:02:00.0",
                "root port 0000:00:1d.0 has ACS controls off: request-redirect, completion-redirect",
                "functions of one multi-function device without ACS",
            ])
    }

    @Test("a card with 256 VFs over two buses")
    func twoBuses() throws {
        let host = try FixtureTree(manyVFs(256)).snapshot()
        #expect(host.warnings == [])
        let card = try #require(host[address("0000:3b:00.0")]?.sriov)
        #expect(card.virtualFunctions.count == 256)
        #expect(card.virtualFunctions.first == (try address("0000:3b:10.0")))
        #expect(card.virtualFunctions.last == (try address("0000:3c:0f.7")))
        for (index, place) in card.virtualFunctions.enumerated() {
            #expect(
                host[place]?.virtualFunction
                    == VirtualFunction(physicalFunction: try address("0000:3b:00.0"), index: index))
        }
        #expect(Set(card.virtualFunctions.map(\.bus)) == [0x3b, 0x3c])
    }
}

/// A root port and a PF with this many VFs, at routing IDs from offset 128 on.
func manyVFs(_ count: Int) -> String {
    func function(_ path: String, _ device: String, _ classCode: String, _ group: Int, _ more: [String]) -> [String] {
        [
            "[/sys/devices/pci0000:3a/0000:3a:00.0\(path)]", "vendor = 0x8086", "device = 0x\(device)",
            "subsystem_vendor = 0x8086", "subsystem_device = 0x0002", "class = 0x\(classCode)", "revision = 0x02",
            "numa_node = 1", "local_cpulist = 32-63", "iommu_group -> /sys/kernel/iommu_groups/\(group)",
        ] + more
    }
    let places = (0..<count).map { index in
        let id = 0x3b00 + 128 + index
        return "0000:\((id >> 8).hex(2)):\((id >> 3 & 31).hex(2)).\(id & 7)"
    }
    var lines = ["/proc/sys/kernel/hostname = many", "/sys/class/iommu/dmar0 -> /sys/devices/virtual/iommu/dmar0"]
    lines += function(
        "", "2030", "060400", 1, ["driver -> /sys/bus/pci/drivers/pcieport", "config is pcie=root-port acs=all"])
    lines += function(
        "/0000:3b:00.0", "158b", "020000", 2,
        [
            "driver -> /sys/bus/pci/drivers/i40e", "config is pcie=endpoint flr msix=129 ari sriov",
            "sriov_totalvfs = \(count)", "sriov_numvfs = \(count)", "sriov_offset = 128", "sriov_stride = 1",
            "sriov_vf_device = 154c", "sriov_drivers_autoprobe = 0",
        ] + places.enumerated().map { "virtfn\($0) -> /sys/devices/pci0000:3a/0000:3a:00.0/\($1)" })
    for (index, place) in places.enumerated() {
        lines += function(
            "/\(place)", "154c", "020000", 3 + index,
            ["physfn -> /sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0", "config is pcie=endpoint flr msix=17 ari"])
    }
    return lines.joined(separator: "\n")
}

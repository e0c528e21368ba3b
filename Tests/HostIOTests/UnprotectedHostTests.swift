// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostModel
import Testing

@Suite("Hosts whose VFIO isolates nothing, and drivers of the bus")
struct UnprotectedHostTests {
    private static let tree = """
        /sys/module/vfio/parameters/enable_unsafe_noiommu_mode = Y
        /sys/kernel/iommu_groups/0/name = vfio-noiommu
        /sys/kernel/iommu_groups/0/type = DMA-FQ
        /sys/bus/pci/drivers/vfio-pci/module = x
        /sys/module/vfio_pci/parameters/disable_denylist = N
        [/sys/devices/pci0000:00/0000:00:06.0]
        vendor = 0x8086
        device = 0x154c
        class = 0x020000
        iommu_group -> /sys/kernel/iommu_groups/0
        """

    @Test("a group of no-IOMMU mode does not switch the IOMMU on")
    func noIOMMU() throws {
        let tree = try FixtureTree(Self.tree)
        let host = try tree.snapshot()
        #expect(host.iommu == IOMMU(enabled: false, kind: nil))
        #expect(host.group(0)?.isNoIOMMU == true)
        #expect(host.blockers(of: try #require(host.group(0))).count == 1)
        try tree.remove("/sys/kernel/iommu_groups/0/name")
        #expect(try tree.snapshot().iommu.enabled)
        try tree.write("", to: "/dev/vfio/noiommu-0")
        #expect(try !tree.snapshot().iommu.enabled)
    }

    @Test("reads the registered drivers and the denylist's switch")
    func drivers() throws {
        let tree = try FixtureTree(Self.tree)
        #expect(try tree.snapshot().drivers == PCIDrivers(registered: ["vfio-pci"], denylistIsOff: false))
        try tree.remove("/sys/bus/pci/drivers")
        #expect(try tree.snapshot().drivers == nil)
    }
}

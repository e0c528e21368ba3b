// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import Testing

@Suite("Reading NUMA nodes")
struct NUMAReaderTests {
    private func nodes(_ manifest: String) throws -> [NUMANode] {
        let tree = try FixtureTree(
            """
            [/sys/devices/system/node]
            node10/cpulist =
            node10/distance = 21 21 10
            node0/cpulist = 0-1
            node0/distance = 10 21 21
            node2/cpulist = 2-3
            node2/distance = 21 10 21

            """ + manifest)
        return withExtendedLifetime(tree) { tree.reader.numaNodes() }
    }

    @Test("nodes are in the order of their ids, which their distances have too")
    func order() throws {
        #expect(try nodes("").map(\.id) == [0, 2, 10])
    }

    @Test("the packages of a node's CPUs: of each CPU, or of one for all of its package")
    func packages() throws {
        #expect(try nodes("").map(\.packages) == [nil, nil, []])
        let each = try nodes(
            """
            [/sys/devices/system/cpu]
            cpu0/topology/physical_package_id = 0
            cpu1/topology/physical_package_id = 1
            cpu2/topology/physical_package_id = 1
            cpu3/topology/physical_package_id = -1
            """)
        #expect(each.map(\.packages) == [[0, 1], [1], []])
        let listed = try nodes(
            """
            [/sys/devices/system/cpu]
            cpu0/topology/physical_package_id = 3
            cpu0/topology/package_cpus_list = 0-1
            cpu1/topology/physical_package_id = 9
            """)
        #expect(listed.first?.packages == [3])
    }

    @Test("the default huge page size is what /proc/meminfo says, not the smallest")
    func defaultPages() throws {
        let pools = """
            [/sys/devices/system/node/node0/hugepages]
            hugepages-2048kB/nr_hugepages = 0
            hugepages-2048kB/free_hugepages = 0
            hugepages-524288kB/nr_hugepages = 8
            hugepages-524288kB/free_hugepages = 8

            """
        let told = try nodes(pools + "/proc/meminfo = MemTotal: 1 kB\\nHugepagesize:     524288 kB\\nHugetlb: 0 kB")
        #expect(told.first?.hugepages.map(\.isDefault) == [false, true])
        #expect(try nodes(pools).first?.hugepages.map(\.isDefault) == [nil, nil])
    }

    @Test("a node without memory, by its own meminfo or by the list of nodes that have some")
    func memory() throws {
        let own = try nodes(
            """
            [/sys/devices/system/node]
            node0/meminfo = Node 0 MemTotal:  1024 kB\\nNode 0 MemFree:  512 kB
            node2/meminfo = Node 2 MemTotal:  0 kB\\nNode 2 MemFree:  0 kB
            """)
        #expect(own.map(\.hasMemory) == [true, false, true])
        #expect(own.first?.memory == .init(totalBytes: 1 << 20, freeBytes: 512 << 10))
        #expect(try nodes("/sys/devices/system/node/has_memory = 0,10").map(\.hasMemory) == [true, false, true])
    }

    @Test("caches that the kernel can drop are available memory")
    func caches() throws {
        let read = try nodes(
            "/sys/devices/system/node/node0/meminfo = Node 0 MemTotal:  1024 kB\\nNode 0 MemFree:  100 kB\\n"
                + "Node 0 Active(file):  10 kB\\nNode 0 Inactive(file):  20 kB\\nNode 0 SReclaimable:  30 kB")
        #expect(read.first?.memory?.availableBytes == 160 << 10)
    }
}

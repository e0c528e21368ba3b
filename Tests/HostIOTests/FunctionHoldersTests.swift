// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostIO
import HostModel
import Testing

@Suite("Holders of functions")
struct FunctionHoldersTests {
    private let tree: FixtureTree
    private var holders: FunctionHolders { FunctionHolders(paths: tree.paths) }

    init() throws {
        tree = try FixtureTree(named: "dataplane-host")
        try tree.makeRawLink(at: "/sys/class/vfio-dev/vfio0/device", to: "../../../bus/pci/devices/0000:3b:10.0")
        try run(100, "systemd", ["/dev/null"])
        try run(4711, "qemu-system-x86", ["/dev/kvm", "/dev/vfio/vfio", "/dev/vfio/6"])
        try run(900, "dpdk-testpmd", ["/dev/vfio/devices/vfio0", "socket:[42]"])
        try run(901, "someone", ["/dev/vfio/66"])
    }

    private func run(_ pid: Int, _ command: String, _ files: [String]) throws {
        try tree.write(command, to: "/proc/\(pid)/comm")
        for (number, file) in files.enumerated() {
            try tree.makeRawLink(at: "/proc/\(pid)/fd/\(number)", to: file)
        }
    }

    @Test("a group is open through its own device or through that of one of its functions")
    func held() throws {
        #expect(
            try holders.openGroups()[6] == [
                ProcessHolder(pid: 900, command: "dpdk-testpmd"), ProcessHolder(pid: 4711, command: "qemu-system-x86"),
            ])
    }

    @Test("a process is named while it blocks the removal of its function, whose device files are gone already")
    func removal() throws {
        try run(902, "qemu-system-x86", ["/dev/vfio/9 (deleted)"])
        #expect(try holders.openGroups()[9] == [ProcessHolder(pid: 902, command: "qemu-system-x86")])
        try run(903, "qemu-system-x86", ["/dev/vfio/devices/vfio7 (deleted)"])
        let before = try holders.openGroups()[6]?.map(\.pid)
        #expect(before == [900, 4711])
        let home = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:10.0"
        try tree.write(
            "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1\nvfio-device-syspath: \(home)", to: "/proc/903/fdinfo/0")
        #expect(try holders.openGroups()[6]?.map(\.pid) == [900, 903, 4711])
    }

    @Test("processes are not read while nobody but other modules needs the module vfio; without a count it may be open")
    func references() throws {
        try tree.write("2\n", to: "/sys/module/vfio/refcnt")
        for module in ["vfio_pci", "vfio_iommu_type1"] {
            try tree.makeRawLink(at: "/sys/module/vfio/holders/\(module)", to: "../../\(module)")
        }
        #expect(try holders.openGroups().isEmpty)
        try tree.write("3\n", to: "/sys/module/vfio/refcnt")
        #expect(try holders.openGroups()[6]?.count == 2)
        try tree.remove("/sys/module/vfio/refcnt")
        #expect(try holders.openGroups()[6]?.count == 2)
    }

    @Test("a group that no process opened has no holder")
    func free() throws {
        #expect(try holders.openGroups()[7] == nil)
    }

    @Test("a process that ends while it is read is not an error")
    func ended() throws {
        try tree.write("gone", to: "/proc/77/comm")
        #expect(try holders.openGroups()[7] == nil)
    }

    @Test("the processes of this machine can be read")
    func live() throws {
        #expect(try FunctionHolders(paths: HostPaths()).openGroups()[99999] == nil)
    }
}

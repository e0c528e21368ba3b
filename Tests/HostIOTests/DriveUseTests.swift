// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostModel
import Testing

@testable import HostIO

@Suite("Uses of drives that are not mounted")
struct DriveUseTests {
    /// A drive with this name on this function.
    private static func drive(_ function: String, _ name: String, below bus: String = "/sys/devices/pci0000:00")
        -> String
    {
        "\(bus)/\(function)/host0/\(name)/size = 1\n/sys/class/block/\(name) -> \(bus)/\(function)/host0/\(name)\n"
    }

    private func disks(_ manifest: String) throws -> [PCIAddress: [DiskUse]] {
        let tree = try FixtureTree(manifest)
        return withExtendedLifetime(tree) { HostUseReader(paths: tree.paths).disks() }
    }

    @Test("a member of an array under a volume is in use by both, whatever its controller")
    func layers() throws {
        let uses = try disks(
            Self.drive("0000:00:05.0", "sda")
                + """
                /sys/class/block/sda1 -> /sys/devices/pci0000:00/0000:00:05.0/host0/sda/sda1
                /sys/devices/pci0000:00/0000:00:05.0/host0/sda/sda1/holders/md0 -> /sys/devices/virtual/block/md0
                /sys/class/block/md0 -> /sys/devices/virtual/block/md0
                /sys/devices/virtual/block/md0/holders/dm-0 -> /sys/devices/virtual/block/dm-0
                /sys/class/block/dm-0 -> /sys/devices/virtual/block/dm-0
                /sys/devices/virtual/block/dm-0/dm/name = vg0-win10
                """)
        #expect(uses == [try address("0000:00:05.0"): [DiskUse(device: "sda1", .under(["md0", "vg0-win10"]))]])
        #expect(uses.values.joined().map(\.name) == ["vg0-win10"])
    }

    @Test("all devices of a btrfs are in use: with its mount point, also through an encrypted device; else by its id")
    func btrfs() throws {
        let two = Self.drive("0000:00:05.0", "sda") + Self.drive("0000:00:06.0", "sdb")
        let members = """
            /sys/fs/btrfs/features/raid1c34 = 0
            /sys/fs/btrfs/0b0e/devices/sda -> /sys/class/block/sda
            /sys/fs/btrfs/0b0e/devices/sdb -> /sys/class/block/sdb
            """
        let (first, second) = (try address("0000:00:05.0"), try address("0000:00:06.0"))
        let mounted = try disks(two + members + "\n/proc/1/mountinfo = 30 22 0:45 / /data rw - btrfs /dev/sda rw")
        #expect(mounted[first] == [DiskUse(device: "sda", .mounted(at: "/data"))])
        #expect(mounted[second] == [DiskUse(device: "sdb", .mounted(at: "/data"))])
        #expect(try disks(two + members)[second] == [DiskUse(device: "sdb", .member(of: "btrfs 0b0e"))])
        let encrypted = try disks(
            Self.drive("0000:00:05.0", "sda")
                + """
                /sys/class/block/dm-0 -> /sys/devices/virtual/block/dm-0
                /sys/devices/virtual/block/dm-0/dm/name = safe
                /sys/devices/virtual/block/dm-0/slaves/sda -> /sys/class/block/sda
                /proc/1/mountinfo = 30 22 0:45 / /data rw - btrfs /dev/mapper/safe rw
                """)
        #expect(encrypted[first] == [DiskUse(device: "dm-0", .mounted(at: "/data"))])
    }

    @Test("all devices of a bcachefs are in use")
    func bcachefs() throws {
        let uses = try disks(
            Self.drive("0000:00:05.0", "sda") + Self.drive("0000:00:06.0", "sdb")
                + "/proc/1/mountinfo = 30 22 0:45 / /data rw - bcachefs /dev/sda:/dev/sdb rw")
        #expect(uses.count == 2)
        let unseen = try disks(
            Self.drive("0000:00:05.0", "sda") + "/sys/fs/bcachefs/77aa/dev-0/block -> /sys/class/block/sda")
        #expect(unseen == [try address("0000:00:05.0"): [DiskUse(device: "sda", .member(of: "bcachefs 77aa"))]])
    }

    @Test("a drive behind a controller with a bus of its own is a use of the controller too")
    func controllerAbove() throws {
        let bus = "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:00/10000:00:02.0"
        let uses = try disks(
            Self.drive("10000:01:00.0", "nvme0n1", below: bus)
                + """
                /sys/dev/block/259:0 -> \(bus)/10000:01:00.0/host0/nvme0n1
                /proc/1/mountinfo = 22 1 259:0 / / rw - ext4 /dev/nvme0n1 rw
                """)
        #expect(Set(uses.keys) == [try address("0000:00:0e.0"), try address("10000:01:00.0")])
    }

    @Test(
        "loop devices over a drive and exports as an NVMe target are uses, which the kernel does not count as holders")
    func unheld() throws {
        let uses = try disks(
            Self.drive("0000:00:05.0", "sda") + Self.drive("0000:00:06.0", "sdb") + Self.drive("0000:00:07.0", "sdc")
                + """
                /sys/class/block/loop0 -> /sys/devices/virtual/block/loop0
                /sys/devices/virtual/block/loop0/loop/backing_file = /dev/sda
                /sys/kernel/config/nvmet/subsystems/nqn.a/namespaces/1/enable = 1
                /sys/kernel/config/nvmet/subsystems/nqn.a/namespaces/1/device_path = /dev/sdb
                /sys/kernel/config/nvmet/subsystems/nqn.a/namespaces/2/enable = 0
                /sys/kernel/config/nvmet/subsystems/nqn.a/namespaces/2/device_path = /dev/sdc
                """)
        #expect(
            uses == [
                try address("0000:00:05.0"): [DiskUse(device: "sda", .under(["loop0"]))],
                try address("0000:00:06.0"): [DiskUse(device: "sdb", .exported(as: "nqn.a"))],
            ])
    }

    @Test("the kernel is asked for whole disks only, and never about another root's")
    func exclusive() throws {
        let tree = try FixtureTree(
            Self.drive("0000:00:05.0", "sda") + Self.drive("0000:00:06.0", "cciss!c0d0")
                + Self.drive("0000:00:07.0", "nvme0c0n1")
                    + """
                    /sys/class/block/sda1 -> /sys/devices/pci0000:00/0000:00:05.0/host0/sda/sda1
                    /sys/devices/pci0000:00/0000:00:05.0/host0/sda/sda1/partition = 1
                    /sys/devices/pci0000:00/0000:00:07.0/host0/nvme0c0n1/hidden = 1
                    """)
        var asked: [String] = []
        let first = try address("0000:00:05.0")
        withExtendedLifetime(tree) {
            let found = withoutActuallyEscaping({ file in
                asked.append(file)
                return file == "/dev/sda"
            }) { ExclusiveDisks(paths: tree.paths, isBusy: $0).uses { _ in true } }
            #expect(found == [first: [DiskUse(device: "sda", .exclusive)]])
            #expect(HostUseReader(paths: tree.paths).uses(askingKernel: true).disks.isEmpty)
        }
        #expect(asked == ["/dev/cciss/c0d0", "/dev/sda"])
        #expect(ExclusiveDisks.isBusy("/dev/null") == false)
        #expect(ExclusiveDisks.isBusy("/dev/none") == nil)
    }
}

@Suite("Open device files")
struct OpenDeviceTests {
    private static let host = """
        [/sys/devices/pci0000:00/0000:00:02.0]
        driver -> /sys/bus/pci/drivers/amdgpu
        drm/card0/uevent = MAJOR=226\\nMINOR=0\\nDEVNAME=dri/card0
        drm/renderD128/dev = 226:128
        [/sys/devices/pci0000:00/0000:00:03.0]
        sound/card0/controlC0/dev = 116:1
        [/sys/devices/pci0000:00/0000:00:04.0]
        usb1/1-2/uevent = DEVNAME=bus/usb/001/003
        [/sys/devices/pci0000:00/0000:00:05.0]
        accel/accel0/dev = 261:0
        infiniband_verbs/uverbs1/dev = 231:193
        [/sys/devices/pci0000:00/0000:00:06.0]
        host0/sda/size = 1
        /sys/class/block/sda -> /sys/devices/pci0000:00/0000:00:06.0/host0/sda
        /sys/class/block/dm-3 -> /sys/devices/virtual/block/dm-3
        /sys/devices/virtual/block/dm-3/slaves/sda -> /sys/class/block/sda
        """

    private func open(_ file: String, by command: String = "someone", _ more: String = "") throws -> FixtureTree {
        let tree = try FixtureTree(Self.host + "\n" + more)
        try tree.write(command, to: "/proc/812/comm")
        try tree.makeRawLink(at: "/proc/812/fd/9", to: file)
        try tree.makeRawLink(at: "/proc/812/fd/1", to: "/dev/null")
        return tree
    }

    @Test(
        "belong to the function whose driver made them",
        arguments: [
            ("/dev/dri/card0", "0000:00:02.0"), ("/dev/dri/renderD128", "0000:00:02.0"),
            ("/dev/snd/controlC0", "0000:00:03.0"), ("/dev/bus/usb/001/003", "0000:00:04.0"),
            ("/dev/accel/accel0", "0000:00:05.0"), ("/dev/infiniband/uverbs1", "0000:00:05.0"),
            ("/dev/sda", "0000:00:06.0"), ("/dev/dm-3", "0000:00:06.0"), ("/dev/dri/card7", nil), ("/dev/card0", nil),
            ("/sys/devices/pci0000:00/0000:00:03.0/resource0", "0000:00:03.0"),
            ("/sys/devices/pci0000:00/0000:00:03.0/config", nil), ("socket:[42]", nil),
        ] as [(String, String?)])
    func owner(file: String, function: String?) throws {
        let tree = try open(file)
        let use = DeviceUse(device: file, process: ProcessHolder(pid: 812, command: "someone"))
        let expected = try function.map { [try address($0): [use]] } ?? [:]
        let found = try withExtendedLifetime(tree) { try FunctionHolders(paths: tree.paths).openDevices() }
        #expect(found == expected)
        withExtendedLifetime(tree) {
            #expect(HostUseReader(paths: tree.paths).uses(askingKernel: true).devices == expected)
        }
    }

    @Test("NVIDIA's files are found by the driver's own list; without one, every GPU of the driver may be open")
    func nvidia() throws {
        let gpus = """
            [/sys/devices/pci0000:00/0000:00:07.0]
            [/sys/devices/pci0000:00/0000:00:08.0]
            [/sys/devices/pci0000:00/0000:00:09.0]
            physfn -> /sys/devices/pci0000:00/0000:00:08.0
            /sys/bus/pci/drivers/nvidia/0000:00:07.0 -> /sys/devices/pci0000:00/0000:00:07.0
            /sys/bus/pci/drivers/nvidia/0000:00:08.0 -> /sys/devices/pci0000:00/0000:00:08.0
            /sys/bus/pci/drivers/nvidia/0000:00:09.0 -> /sys/devices/pci0000:00/0000:00:09.0
            """
        let told = """
            /proc/driver/nvidia/gpus/0000:00:07.0/information = Model: A100\\nDevice Minor: \\t 1
            /proc/driver/nvidia/gpus/0000:00:08.0/information = Model: A100\\nDevice Minor: \\t 0
            """
        func opened(_ file: String, _ more: String) throws -> Set<PCIAddress> {
            let tree = try open(file, more)
            return try withExtendedLifetime(tree) { Set(try FunctionHolders(paths: tree.paths).openDevices().keys) }
        }
        let (first, second) = (try address("0000:00:07.0"), try address("0000:00:08.0"))
        #expect(try opened("/dev/nvidia0", gpus + "\n" + told) == [second])
        #expect(try opened("/dev/nvidia1", gpus) == [first, second])
        #expect(try opened("/dev/nvidiactl", gpus + "\n" + told) == [])
    }

    private func open(_ file: String, _ more: String) throws -> FixtureTree { try open(file, by: "someone", more) }

    @Test("udev only looks; a guest is named, and the function is shown as its own")
    func users() throws {
        let udev = try open("/dev/sda", by: "(udev-worker)")
        #expect(try withExtendedLifetime(udev) { try FunctionHolders(paths: udev.paths).openDevices() }.isEmpty)
        let qemu = try open("/dev/sda", by: "qemu-system-x86")
        try qemu.write(bytes: Array("qemu\0-name\0guest=vm1\0".utf8), to: "/proc/812/cmdline")
        let place = try address("0000:00:06.0")
        withExtendedLifetime(qemu) {
            let uses = HostUseReader(paths: qemu.paths).uses(askingKernel: false)
            let drive = Function(
                address: place, identity: Identity(vendor: 1, device: 1, classCode: 0))
            #expect(
                drive.holders(uses) == [
                    Holder(kind: .domain, name: "vm1", detail: "qemu-system-x86 (pid 812) has /dev/sda open")
                ])
        }
    }
}

@Suite("VFIO by fact")
struct VFIOByFactTests {
    /// VFs whose vendor's driver is their VFIO driver; one is open in a guest.
    private func host(open file: String) throws -> FixtureTree {
        let tree = try FixtureTree(
            """
            /sys/bus/pci/drivers/vfio-pci/module/refcnt = 0
            [/sys/devices/pci0000:40/0000:41:00.4]
            vendor = 0x10de
            driver -> /sys/bus/pci/drivers/nvidia
            iommu_group -> /sys/kernel/iommu_groups/41
            vfio-dev/vfio0/dev = 511:0
            [/sys/devices/pci0000:40/0000:41:00.5]
            vendor = 0x10de
            driver -> /sys/bus/pci/drivers/nvidia
            iommu_group -> /sys/kernel/iommu_groups/42
            """)
        try tree.write("qemu-system-x86", to: "/proc/7001/comm")
        try tree.makeRawLink(at: "/proc/7001/fd/31", to: file)
        return tree
    }

    @Test(
        "a function with vfio-dev is on VFIO whatever its driver is called, and in use by who has it open",
        arguments: ["/dev/vfio/41", "/dev/vfio/devices/vfio0", "/dev/vfio/noiommu-41"])
    func vendorsDriver(file: String) throws {
        let tree = try host(open: file)
        let snapshot = try tree.snapshot()
        let (open, free) = (try address("0000:41:00.4"), try address("0000:41:00.5"))
        #expect(snapshot[open]?.isOnVFIO == true)
        #expect(snapshot[open]?.vfioDevice == "vfio0")
        #expect(snapshot[free]?.isOnVFIO == false)
        let qemu = ProcessHolder(pid: 7001, command: "qemu-system-x86")
        let groups = try withExtendedLifetime(tree) { try FunctionHolders(paths: tree.paths).openGroups() }
        #expect(groups == [41: [qemu]])
        withExtendedLifetime(tree) {
            let uses = HostUseReader(paths: tree.paths).uses(askingKernel: false)
            #expect(snapshot[open]?.holders(uses).map(\.detail) == [qemu.description])
        }
    }
}

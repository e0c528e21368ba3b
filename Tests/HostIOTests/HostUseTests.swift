// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import FixtureHosts
import Foundation
import HostModel
import Synchronization
import Testing

@testable import HostIO

@Suite("Uses of functions")
struct HostUseTests {
    private static let host = """
        /proc/1/mountinfo = 21 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw\\n22 21 259:2 /srv /srv/with\\\\040blank rw - ext4 /dev/root rw\\n23 21 253:0 / /var rw - xfs /dev/mapper/data rw\\n24 21 0:44 / /home rw - btrfs /dev/nvme2n1p1 rw\\n25 21 0:5 / /proc rw - proc proc rw\\n26 21 9:9 / /gone rw - ext4 /dev/gone rw\\nnonsense
        /proc/swaps = Filename Type Size Used Priority\\n/dev/nvme0n1p3 partition 1 0 -2\\n/swapfile file 1 0 -3
        /sys/dev/block/259:2 -> /sys/devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/nvme0n1p2
        /sys/dev/block/253:0 -> /sys/devices/virtual/block/dm-0
        /sys/class/block/nvme0n1p2 -> /sys/devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/nvme0n1p2
        /sys/class/block/nvme0n1p3 -> /sys/devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/nvme0n1p3
        /sys/class/block/dm-0 -> /sys/devices/virtual/block/dm-0
        /sys/devices/virtual/block/dm-0/slaves/md0 -> /sys/devices/virtual/block/md0
        /sys/class/block/md0 -> /sys/devices/virtual/block/md0
        /sys/devices/virtual/block/md0/slaves/sda -> /sys/devices/pci0000:00/0000:00:06.0/ata1/host0/sda
        /sys/devices/virtual/block/md0/slaves/dm-0 -> /sys/devices/virtual/block/dm-0
        /sys/class/block/sda -> /sys/devices/pci0000:00/0000:00:06.0/ata1/host0/sda
        /sys/class/block/nvme2n1p1 -> /sys/devices/virtual/nvme-subsystem/nvme-subsys2/nvme2n1/nvme2n1p1
        /sys/class/nvme-subsystem/nvme-subsys2/nvme2 -> /sys/devices/pci0000:00/0000:00:07.0/nvme/nvme2
        /sys/class/nvme-subsystem/nvme-subsys2/nvme3 -> /sys/devices/pci0000:00/0000:00:08.0/nvme/nvme3
        """

    @Test(
        "mounts and swap are found through partitions, LVM, RAID, multipath and btrfs; rings and missing links end the search"
    )
    func disks() throws {
        let tree = try FixtureTree(Self.host)
        let disks = HostUseReader(paths: tree.paths).disks()
        #expect(
            disks == [
                try address("0000:00:05.0"): [
                    DiskUse(device: "nvme0n1p2", .mounted(at: "/")), DiskUse(device: "nvme0n1p3", .swap),
                ],
                try address("0000:00:06.0"): [DiskUse(device: "dm-0", .mounted(at: "/var"))],
                try address("0000:00:07.0"): [DiskUse(device: "nvme2n1p1", .mounted(at: "/home"))],
                try address("0000:00:08.0"): [DiskUse(device: "nvme2n1p1", .mounted(at: "/home"))],
            ])
        #expect(HostUseReader(paths: try FixtureTree("/sys/x = 1").paths).disks() == [:])
    }

    @Test("the mount table is read to its end, however long it is")
    func longTable() throws {
        let tree = try FixtureTree(
            """
            /sys/class/block/sda -> /sys/devices/pci0000:00/0000:00:05.0/host0/sda
            /sys/dev/block/8:0 -> /sys/devices/pci0000:00/0000:00:05.0/host0/sda
            /sys/devices/pci0000:00/0000:00:05.0/host0/sda/size = 1
            """)
        let other = String(repeating: "x", count: 9 << 20)
        try tree.write(
            "22 1 0:21 / /\(other) rw - tmpfs tmpfs rw\n23 1 8:0 / /var rw - ext4 /dev/sda rw", to: "/proc/1/mountinfo")
        let uses = withExtendedLifetime(tree) { HostUseReader(paths: tree.paths).disks() }
        #expect(uses == [try address("0000:00:05.0"): [DiskUse(device: "sda", .mounted(at: "/var"))]])
    }

    @Test("a mount's line is parsed with escapes and optional fields; an incomplete line is not")
    func mount() {
        let mount = Mount(
            line: "36 35 98:0 /mnt1 /mnt\\0402\\134 rw,noatime master:1 shared:2 - ext3 /dev/my\\040root rw")
        #expect(mount?.point == "/mnt 2\\")
        #expect(mount?.number == "98:0")
        #expect(mount?.source == "/dev/my root")
        #expect(Mount(line: "36 35 98:0 / /mnt rw - ext3") == nil)
        #expect(Mount(line: "36 35 x:0 / /mnt rw - ext3 a b") == nil)
        #expect(Mount(line: "") == nil)
    }

    @Test(
        "a domain's name is read from QEMU's arguments",
        arguments: [
            ("qemu\0-name\0guest=fw1,debug-threads=on\0-S\0", "fw1"), ("qemu\0-name\0fw1\0", "fw1"),
            ("qemu\0-name\0debug-threads=on,guest=a,,b\0", "a,b"), ("qemu\0-name\0", nil), ("qemu\0-name", nil),
            ("dpdk-testpmd\0-a\0", nil),
        ] as [(String, String?)])
    func guest(commandLine: String, name: String?) { #expect(ProcessTable.guest(in: commandLine) == name) }

    @Test("interfaces have the bridges, VLANs and macvtaps on top of them")
    func uppers() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        let interface = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/net/ens1f0"
        for upper in ["br0", "ens1f0.100", "macvtap7"] {
            try tree.makeRawLink(at: "\(interface)/upper_\(upper)", to: "../../x/\(upper)")
        }
        let card = try #require(try tree.snapshot()[address("0000:3b:00.0")])
        #expect(card.interfaces.first?.uppers == ["br0", "ens1f0.100", "macvtap7"])
        #expect(
            card.holders(HostUses()) == [
                Holder(kind: .network, name: "br0", detail: "ens1f0 is a port of it"),
                Holder(kind: .network, name: "ens1f0.100", detail: "on top of ens1f0"),
                Holder(kind: .network, name: "macvtap7", detail: "on top of ens1f0"),
            ])
    }

    @Test("this machine's addresses are read, without link-local ones")
    func live() throws {
        let addresses = try #require(InterfaceAddresses.all())
        #expect(addresses["lo"]?.contains("127.0.0.1/8") == true)
        #expect(!addresses.values.joined().contains { $0.hasPrefix("fe80:") })
    }
}

@Suite("devlink")
struct DevlinkTests {
    private func answer(type: UInt16 = 20, mode: UInt16?) -> [UInt8] {
        func half(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
        var bytes = [UInt8](repeating: 0, count: 4) + half(type) + [UInt8](repeating: 0, count: 14)
        bytes += half(8) + half(1) + Array("pci\0".utf8)
        bytes += half(17) + half(2) + Array("0000:3b:00.0\0".utf8) + [0, 0, 0]
        if let mode { bytes += half(6) + half(25) + half(mode) + [0, 0] }
        return bytes + half(5) + half(26) + [1, 0, 0, 0]
    }

    @Test("a card that does not answer delays a reading only once, and is asked again when it answers")
    func busyCard() {
        let isFree = DispatchSemaphore(value: 0)
        let asked = Mutex<[String]>([])
        let modes = DevlinkModes { device in
            asked.withLock { $0.append(device) }
            if device == "busy" { isFree.wait() }
            return .legacy
        }
        #expect(modes.modes(of: ["first", "busy", "last"], within: .seconds(1)) == ["first": .legacy])
        #expect(modes.modes(of: ["last"], within: .milliseconds(20)) == [:])
        isFree.signal()
        #expect(modes.modes(of: ["last"], within: .seconds(20)) == ["last": .legacy])
        // Nobody waited for the rest any more.
        #expect(asked.withLock(\.self) == ["first", "busy", "last"])
    }

    @Test("the mode is read from a reply; an error, a reply without it, and an unknown mode are nil")
    func mode() {
        #expect(DevlinkSocket.mode(in: answer(mode: 0).span) == .legacy)
        #expect(DevlinkSocket.mode(in: answer(mode: 1).span) == .switchdev)
        #expect(DevlinkSocket.mode(in: answer(mode: 2).span) == nil)
        #expect(DevlinkSocket.mode(in: answer(mode: nil).span) == nil)
        #expect(DevlinkSocket.mode(in: answer(type: 2, mode: 1).span) == nil)
        #expect(DevlinkSocket.mode(in: Array(answer(mode: 1).prefix(40)).span) == nil)
        #expect(DevlinkSocket.mode(in: [UInt8]().span) == nil)
    }

    @Test("a device that devlink does not know has no mode, also at the second query")
    func unknown() {
        guard let devlink = DevlinkSocket() else { return }
        for _ in 0..<3 { #expect(devlink.eswitchMode(device: "ffff:ff:1f.7") == nil) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// The device files of host drivers: `/dev/dri/card0`, `/dev/snd/controlC0`, `/dev/bus/usb/001/003`, `/dev/nvme0n1`.
struct DeviceNodes {
    private let paths: HostPaths
    private let blockDevices: BlockDevices

    init(paths: HostPaths) {
        self.paths = paths
        blockDevices = BlockDevices(paths: paths)
    }

    /// An open device file.
    struct Node: Hashable {
        /// Its name as the process opened it.
        let path: String
        /// The number that the file has; nil in a tree that is not this host's.
        let number: Number?
    }

    /// What a device file opens, whatever its name is.
    struct Number: Hashable {
        let isBlock: Bool
        let major: UInt64
        let minor: UInt64

        /// nil for a file of another kind.
        init?(_ status: stat) {
            guard status.st_mode & S_IFMT == S_IFCHR || status.st_mode & S_IFMT == S_IFBLK else { return nil }
            isBlock = status.st_mode & S_IFMT == S_IFBLK
            // Source: makedev(3), sys/sysmacros.h of the GNU C library.
            let device = UInt64(status.st_rdev)
            major = device >> 8 & 0xfff | device >> 32 & ~0xfff
            minor = device & 0xff | device >> 12 & ~0xff
        }
    }

    /// Files that belong to no function, or to one through VFIO.
    private static let others = [
        "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/kvm", "/dev/fuse", "/dev/net/",
        "/dev/pts/", "/dev/shm/", "/dev/vfio/", "/dev/hugepages/", "/dev/mqueue/",
    ]

    /// The device file that an open file is; nil for any other.
    ///
    /// - Parameters:
    ///   - target: the open file's name.
    ///   - descriptor: the link with that name in a process's folder `fd`.
    func node(_ target: String, descriptor: String, in folder: borrowing Directory) -> Node? {
        // A program can map a function's memory as well: `resource0` in the function's folder.
        if let isMemory = paths.isMemory(target) { return isMemory ? Node(path: target, number: nil) : nil }
        guard target.hasPrefix("/dev/"), !Self.others.contains(where: target.hasPrefix) else { return nil }
        guard paths.isLive else { return Node(path: target, number: nil) }
        var status = stat()
        // SAFETY: the kernel fills the structure; the string outlives the call.
        guard unsafe fstatat(folder.descriptor, descriptor, &status, 0) == 0 else { return nil }
        return Number(status).map { Node(path: target, number: $0) }
    }

    /// The functions that the file's device belongs to; of a block device, those at the bottom of its layers.
    func functions(of node: Node) -> Set<PCIAddress> {
        if paths.isMemory(node.path) == true { return Set(SysfsText.functions(onPath: node.path).suffix(1)) }
        if let number = node.number { return functions(of: number) }
        if let minor = NVIDIADevices.minor(ofDevice: node.path) {
            return NVIDIADevices(paths: paths).functions(withMinor: minor)
        }
        var seen: Set<String> = []
        if let device = blockDevices.device(named: node.path) {
            let functions = blockDevices.functions(below: device, seen: &seen)
            if !functions.isEmpty { return functions }
        }
        return DeviceTree(paths: paths).functions(ofDevice: node.path)
    }

    private func functions(of number: Number) -> Set<PCIAddress> {
        if !number.isBlock, number.major == NVIDIADevices.major {
            return NVIDIADevices(paths: paths).functions(withMinor: Int(number.minor))
        }
        var pass = ReadPass()
        guard let numbers = try? Directory(number.isBlock ? paths.blockNumbers : paths.characterNumbers),
            let path = try? pass.target(of: "\(number.major):\(number.minor)", in: numbers)
        else { return [] }
        guard number.isBlock, let device = path.split(separator: "/").last else {
            return blockDevices.functions(ofDeviceAt: path)
        }
        var seen: Set<String> = []
        return blockDevices.functions(below: String(device), seen: &seen)
    }
}

/// The device files of NVIDIA's driver, which are not in sysfs.
struct NVIDIADevices {
    let paths: HostPaths

    /// Source: `NV_MAJOR_DEVICE_NUMBER` of NVIDIA's open kernel modules.
    static let major: UInt64 = 195

    /// 0 for `/dev/nvidia0`; nil for a file that belongs to no GPU: `/dev/nvidiactl`.
    static func minor(ofDevice path: String) -> Int? {
        path.hasPrefix("/dev/nvidia") ? SysfsText.count(path.dropFirst("/dev/nvidia".count)) : nil
    }

    /// The GPU with this minor number. If the driver does not tell the numbers: every GPU of it, because each may be meant.
    ///
    /// Source: `Device Minor` in `/proc/driver/nvidia/gpus/ADDRESS/information`.
    func functions(withMinor minor: Int) -> Set<PCIAddress> {
        // Files for all GPUs together have the last numbers.
        guard minor < 248 else { return [] }
        var files = TextFiles()
        let known = (files.names(in: paths.nvidiaGPUs) ?? []).compactMap { name -> (PCIAddress, Int)? in
            let text = files.text(paths.nvidiaGPUs + "/\(name)/information") ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("Device Minor:") }
            guard let number = line?.words.last.flatMap({ Int($0) }), let address = try? PCIAddress(name) else {
                return nil
            }
            return (address, number)
        }
        if !known.isEmpty { return Set(known.filter { $0.1 == minor }.map(\.0)) }
        let driver = paths.driver("nvidia")
        return Set(
            (files.names(in: driver) ?? []).compactMap { name in
                files.exists(driver + "/\(name)/physfn") ? nil : PCIAddress(canonical: Array(name.utf8).span)
            })
    }
}

/// The devices below each function, by the names of their files. For trees whose device numbers are not this host's.
struct DeviceTree {
    let paths: HostPaths

    private static let deepest = 12

    /// The function of a device file's device; empty when there is none.
    func functions(ofDevice path: String) -> Set<PCIAddress> {
        guard let bus = try? Directory(paths.pciDevices), let names = try? bus.names() else { return [] }
        var pass = ReadPass()
        return Set(
            names.compactMap { name in
                guard let address = PCIAddress(canonical: Array(name.utf8).span),
                    let home = try? Directory(name, in: bus),
                    has(path, below: home, [], &pass)
                else { return nil }
                return address
            })
    }

    private func has(_ device: String, below folder: borrowing Directory, _ way: [String], _ pass: inout ReadPass)
        -> Bool
    {
        if !way.isEmpty, Self.file(of: way, told: try? pass.contents(of: "uevent", in: folder)) == device {
            return true
        }
        guard way.count < Self.deepest, let names = try? folder.names() else { return false }
        for name in names {
            // Links lead elsewhere, and functions below a bridge are looked at by themselves.
            if (try? pass.target(of: name, in: folder)) != nil { continue }
            if name.hasPrefix("pci") || PCIAddress(canonical: Array(name.utf8).span) != nil { continue }
            if let child = try? Directory(name, in: folder), has(device, below: child, way + [name], &pass) {
                return true
            }
        }
        return false
    }

    /// The file of the device in a folder, by its `uevent`; without one, as the device's class names it.
    ///
    /// - Parameter way: the folders from the function to the device: `drm`, `card0`.
    private static func file(of way: [String], told uevent: String?) -> String? {
        let line = uevent?.split(separator: "\n").first { $0.hasPrefix("DEVNAME=") }
        if let line { return "/dev/" + line.dropFirst("DEVNAME=".count) }
        guard way.count > 1, let name = way.last else { return nil }
        switch way[way.count - 2] {
        case "drm": return "/dev/dri/\(name)"
        case "accel": return "/dev/accel/\(name)"
        case "infiniband_verbs", "infiniband_mad", "infiniband_cm": return "/dev/infiniband/\(name)"
        default: return way.contains("sound") ? "/dev/snd/\(name)" : "/dev/\(name)"
        }
    }
}

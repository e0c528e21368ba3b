// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Finds uses of functions that cause no event.
public struct HostUseReader: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// All uses: one pass over the process table and one over the mounts.
    public func uses() -> HostUses {
        HostUses(openGroups: try? FunctionHolders(paths: paths).openGroups(), disks: disks())
    }

    /// The file systems and swap spaces on each function, also those on LVM, RAID and other layers.
    ///
    /// Source: `/proc/PID/mountinfo`, proc(5); `/proc/swaps`; `dev/block` and `slaves`, Documentation/ABI.
    public func disks() -> [PCIAddress: [DiskUse]] {
        var files = TextFiles()
        var uses: [PCIAddress: [DiskUse]] = [:]
        var mounts: [String: String] = [:]
        // The first process's table: a daemon can have its own mount namespace.
        var table = ""
        for path in paths.mountTables where table.isEmpty { table = files.text(path) ?? "" }
        for mount in table.split(separator: "\n").compactMap(Mount.init) {
            guard let device = device(of: mount) else { continue }
            // With containers a device is mounted many times: the shortest path is the most useful.
            if let known = mounts[device], known.utf8.count <= mount.point.utf8.count { continue }
            mounts[device] = mount.point
        }
        for (device, point) in mounts.sorted(by: { $0.key < $1.key }) {
            for function in functions(below: device) {
                uses[function, default: []].append(DiskUse(device: device, mountPoint: point))
            }
        }
        for line in files.text(paths.swaps)?.split(separator: "\n").dropFirst() ?? [] {
            let words = line.words
            guard words.count > 1, words[1] == "partition", let device = words[0].split(separator: "/").last else {
                continue
            }
            for function in functions(below: String(device)) {
                uses[function, default: []].append(DiskUse(device: String(device), mountPoint: nil))
            }
        }
        return uses
    }

    /// The block device's name; nil for a file system without one.
    private func device(of mount: Mount) -> String? {
        var pass = ReadPass()
        if mount.major != 0 {
            guard let folder = try? Directory(paths.blockNumbers) else { return nil }
            return (try? pass.target(of: mount.number, in: folder)).flatMap { $0.split(separator: "/").last }
                .map(String.init)
        }
        // btrfs has its own device numbers; the source names the block device.
        guard mount.source.hasPrefix("/dev/") else { return nil }
        return mount.source.split(separator: "/").last.map(String.init)
    }

    /// The functions at the bottom of a block device's layers.
    private func functions(below device: String) -> Set<PCIAddress> {
        guard let devices = try? Directory(paths.blockDevices) else { return [] }
        var found: Set<PCIAddress> = []
        var left = [device]
        var seen: Set<String> = []
        var pass = ReadPass()
        while let name = left.popLast() {
            guard seen.insert(name).inserted, let path = try? pass.target(of: name, in: devices) else { continue }
            if let function = SysfsText.lastFunction(onPath: path.utf8.span) {
                found.insert(function)
                continue
            }
            found.formUnion(controllers(ofSubsystemOn: path, &pass))
            if let slaves = try? Directory(name + "/slaves", in: devices), let names = try? slaves.names() {
                left += names
            }
        }
        return found
    }

    /// With native multipath an NVMe disk belongs to a subsystem, which links to its controllers.
    ///
    /// Source: `nvme_mpath_alloc_disk`, drivers/nvme/host/multipath.c.
    private func controllers(ofSubsystemOn path: String, _ pass: inout ReadPass) -> Set<PCIAddress> {
        let parts = path.split(separator: "/")
        guard let place = parts.firstIndex(of: "nvme-subsystem"), place + 1 < parts.count,
            let folder = try? Directory(paths.nvmeSubsystem(String(parts[place + 1]))),
            let names = try? folder.names()
        else { return [] }
        return Set(
            names.compactMap { name in
                guard name.hasPrefix("nvme") else { return nil }
                return (try? pass.target(of: name, in: folder) { SysfsText.lastFunction(onPath: $0) }).flatMap(\.self)
            })
    }
}

/// One line of a mount table: `36 35 259:2 / /var rw,noatime shared:1 - ext4 /dev/nvme0n1p2 rw`.
struct Mount: Equatable {
    /// `259:2`.
    let number: String
    let major: Int
    let point: String
    let source: String

    init?(line: Substring) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count > 6, let major = words[2].split(separator: ":").first.flatMap({ Int($0) }),
            let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 2 < words.count
        else { return nil }
        number = String(words[2])
        self.major = major
        point = Self.unescaped(words[4])
        source = Self.unescaped(words[dash + 2])
    }

    /// Decodes white space and backslashes, which the kernel writes as three octal digits.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Finds what the host uses the block devices of functions for, as far as the kernel's files tell it.
struct DiskUseReader {
    private let paths: HostPaths
    private let devices: BlockDevices

    init(paths: HostPaths) {
        self.paths = paths
        devices = BlockDevices(paths: paths)
    }

    /// By function: mounts and swap spaces first, with those on LVM, RAID and other layers; then layers, file systems
    /// and exports that are mounted nowhere.
    func uses() -> [PCIAddress: [DiskUse]] {
        var uses: [PCIAddress: [DiskUse]] = [:]
        var seen: Set<String> = []
        func add(_ device: String, _ purpose: DiskUse.Purpose) {
            for function in devices.functions(below: device, seen: &seen) {
                uses[function, default: []].append(DiskUse(device: device, purpose))
            }
        }
        var mounts = mounts()
        for (system, members) in fileSystems {
            // The mount table names one of the devices only.
            let point = members.lazy.compactMap { mounts[$0] }.first
            for member in members where mounts[member] == nil {
                if let point { mounts[member] = point } else { add(member, .member(of: system)) }
            }
        }
        for (device, point) in mounts.sorted(by: { $0.key < $1.key }) { add(device, .mounted(at: point)) }
        for device in swapSpaces { add(device, .swap) }
        let loops = devices.loops
        for device in devices.names where !seen.contains(device) && !devices.functions(of: device).isEmpty {
            let layers = devices.layers(on: device) + [loops[device]].compactMap(\.self)
            if !layers.isEmpty { add(device, .under(layers)) }
        }
        for (device, name) in exports { add(device, .exported(as: name)) }
        return uses
    }

    /// By block device, the shortest path at which it is mounted: with containers there are many.
    ///
    /// Source: `/proc/PID/mountinfo`, proc(5).
    private func mounts() -> [String: String] {
        var files = TextFiles()
        // The first process's table: a daemon can have its own mount namespace.
        var table = ""
        // All of it: with containers it can be long, and a mount that is left out would make its disk free.
        let limit = paths.isLive ? Int.max : 64 << 20
        for path in paths.mountTables where table.isEmpty { table = files.text(path, limit: limit) ?? "" }
        var mounts: [String: String] = [:]
        for mount in table.split(separator: "\n").compactMap(Mount.init) {
            for device in blockDevices(of: mount) {
                if let known = mounts[device], known.utf8.count <= mount.point.utf8.count { continue }
                mounts[device] = mount.point
            }
        }
        return mounts
    }

    /// Empty for a file system without a block device.
    private func blockDevices(of mount: Mount) -> [String] {
        if mount.major != 0 {
            var pass = ReadPass()
            guard let folder = try? Directory(paths.blockNumbers),
                let path = try? pass.target(of: mount.number, in: folder)
            else { return [] }
            return path.split(separator: "/").suffix(1).map(String.init)
        }
        // btrfs and bcachefs have device numbers of their own. The source names one block device, or all of them.
        return mount.source.split(separator: ":").compactMap { devices.device(named: String($0)) }
    }

    /// Source: `/proc/swaps`, proc(5).
    private var swapSpaces: [String] {
        var files = TextFiles()
        return files.text(paths.swaps)?.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.words
            return words.count > 1 && words[1] == "partition" ? devices.device(named: String(words[0])) : nil
        } ?? []
    }

    /// File systems that can have several block devices, with the devices of each.
    ///
    /// Source: `btrfs_sysfs_add_device`, fs/btrfs/sysfs.c; `bch2_dev_sysfs_online`, fs/bcachefs/super.c.
    private var fileSystems: [(name: String, members: [String])] {
        var systems: [(name: String, members: [String])] = []
        var files = TextFiles()
        var pass = ReadPass()
        for (type, list) in [("btrfs", "/devices"), ("bcachefs", "")] {
            let home = paths.fileSystems(type)
            for id in files.names(in: home) ?? [] {
                guard let folder = try? Directory(home + "/\(id)\(list)"), let names = try? folder.names() else {
                    continue
                }
                let members = names.sorted().compactMap { name in
                    type == "btrfs"
                        ? name
                        : (try? pass.target(of: name + "/block", in: folder))?.split(separator: "/").last.map(
                            String.init)
                }
                if !members.isEmpty { systems.append(("\(type) \(id)", members)) }
            }
        }
        return systems
    }

    /// What the kernel exports as an NVMe target. It opens the devices without a process and without exclusion.
    ///
    /// Source: `nvmet_bdev_ns_enable`, drivers/nvme/target/io-cmd-bdev.c.
    private var exports: [(device: String, name: String)] {
        var files = TextFiles()
        return (files.names(in: paths.nvmeTargets) ?? []).flatMap { subsystem -> [(device: String, name: String)] in
            let spaces = paths.nvmeTargets + "/\(subsystem)/namespaces"
            return (files.names(in: spaces) ?? []).compactMap { space in
                guard files.text(spaces + "/\(space)/enable")?.trimmed == "1",
                    let path = files.text(spaces + "/\(space)/device_path")?.trimmed
                else { return nil }
                return devices.device(named: String(path)).map { ($0, subsystem) }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// The host's block devices: which functions each is on, and what is on top of it.
///
/// A device's name is that in `class/block`: `nvme0n1p2`, `dm-0`.
struct BlockDevices {
    private let paths: HostPaths

    init(paths: HostPaths) { self.paths = paths }

    /// The names of all block devices, sorted.
    var names: [String] { ((try? Directory(paths.blockDevices).names()) ?? []).sorted() }

    /// The functions at the bottom of a block device's layers.
    ///
    /// - Parameter seen: the devices of those layers are added.
    func functions(below device: String, seen: inout Set<String>) -> Set<PCIAddress> {
        guard let devices = try? Directory(paths.blockDevices) else { return [] }
        var found: Set<PCIAddress> = []
        var left = [device]
        var visited: Set<String> = []
        var pass = ReadPass()
        while let name = left.popLast() {
            guard visited.insert(name).inserted, let path = try? pass.target(of: name, in: devices) else { continue }
            found.formUnion(functions(ofDeviceAt: path))
            left += entries(of: name + "/slaves", in: devices)
            if let backing = backing(ofLoop: name, in: devices, &pass) { left.append(backing) }
        }
        seen.formUnion(visited)
        return found
    }

    /// The functions that a device of sysfs belongs to.
    ///
    /// - Parameter path: the target of a link to it.
    func functions(ofDeviceAt path: String) -> Set<PCIAddress> {
        Set(SysfsText.functions(onPath: path)).union(controllers(ofSubsystemOn: path))
    }

    /// The functions of a block device itself, without layers below it: empty for `dm-0`.
    func functions(of device: String) -> Set<PCIAddress> {
        guard let devices = try? Directory(paths.blockDevices) else { return [] }
        var pass = ReadPass()
        return (try? pass.target(of: device, in: devices)).map(functions(ofDeviceAt:)) ?? []
    }

    /// The block devices on top of one, the nearest first, with the names that people know: `md0`, `vg0-win10`.
    ///
    /// Source: `holders`, Documentation/ABI/stable/sysfs-block; `dm/name`; `loop/backing_file`.
    func layers(on device: String) -> [String] {
        guard let devices = try? Directory(paths.blockDevices) else { return [] }
        var layers: [String] = []
        var seen: Set<String> = [device]
        var left = entries(of: device + "/holders", in: devices)
        var pass = ReadPass()
        while !left.isEmpty {
            let name = left.removeFirst()
            guard seen.insert(name).inserted else { continue }
            layers.append((try? pass.contents(of: name + "/dm/name", in: devices)) ?? name)
            left += entries(of: name + "/holders", in: devices)
        }
        return layers
    }

    /// The loop devices over block devices, which the kernel does not count among the holders: by block device, the name.
    var loops: [String: String] {
        guard let devices = try? Directory(paths.blockDevices) else { return [:] }
        var pass = ReadPass()
        var loops: [String: String] = [:]
        for name in names where name.hasPrefix("loop") {
            if let backing = backing(ofLoop: name, in: devices, &pass) { loops[backing] = name }
        }
        return loops
    }

    /// The device with a name that a program uses: `/dev/nvme0n1`, `/dev/mapper/data`; nil for another file.
    func device(named path: String) -> String? {
        guard path.hasPrefix("/dev/"), let devices = try? Directory(paths.blockDevices) else { return nil }
        let name = path.dropFirst("/dev/".count)
        guard name.hasPrefix("mapper/") else {
            let known = String(name.replacing("/", with: "!"))
            var pass = ReadPass()
            return (try? pass.target(of: known, in: devices)) == nil ? nil : known
        }
        let mapped = name.dropFirst("mapper/".count)
        var pass = ReadPass()
        return names.first { device in
            device.hasPrefix("dm-") && (try? pass.contents(of: device + "/dm/name", in: devices)) == String(mapped)
        }
    }

    /// The block device that a loop device is over; nil when it is over a file.
    private func backing(ofLoop name: String, in devices: borrowing Directory, _ pass: inout ReadPass) -> String? {
        guard name.hasPrefix("loop"), let file = try? pass.contents(of: name + "/loop/backing_file", in: devices)
        else { return nil }
        return device(named: file)
    }

    /// With native multipath an NVMe disk belongs to a subsystem, which links to its controllers.
    ///
    /// Source: `nvme_mpath_alloc_disk`, drivers/nvme/host/multipath.c.
    private func controllers(ofSubsystemOn path: String) -> Set<PCIAddress> {
        let parts = path.split(separator: "/")
        guard let place = parts.firstIndex(of: "nvme-subsystem"), place + 1 < parts.count,
            let folder = try? Directory(paths.nvmeSubsystem(String(parts[place + 1]))),
            let names = try? folder.names()
        else { return [] }
        var pass = ReadPass()
        return Set(
            names.filter { $0.hasPrefix("nvme") }.flatMap { name in
                (try? pass.target(of: name, in: folder)).map(SysfsText.functions) ?? []
            })
    }

    private func entries(of folder: String, in devices: borrowing Directory) -> [String] {
        ((try? Directory(folder, in: devices).names()) ?? []).sorted()
    }
}

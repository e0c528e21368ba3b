// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
public import HostModel
import SystemPackage

/// Finds the processes that have functions open: through VFIO, or by device files of their host drivers.
public struct FunctionHolders: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// The open IOMMU groups, each with the processes that hold it, by pid. One pass over the process table.
    ///
    /// - Throws: ``HostIOError/unreadable(path:errno:)`` when no process was found but some could not be read: an empty
    ///   result would then be a guess.
    public func openGroups() throws(HostIOError) -> [Int: [ProcessHolder]] {
        guard mayBeOpen else { return [:] }
        let devices = VFIODevices(paths: paths)
        let holders = try ProcessTable(paths: paths).holders { target, number, folder, pass in
            devices.group(of: target, descriptor: number, in: folder, &pass)
        }
        if holders.processes.isEmpty, let hidden = holders.hidden { throw hidden }
        return holders.processes
    }

    /// The functions with open device files, each with the processes that have them, by pid. One pass over the process
    /// table.
    ///
    /// - Throws: as ``openGroups()``.
    public func openDevices() throws(HostIOError) -> [PCIAddress: [DeviceUse]] {
        let nodes = DeviceNodes(paths: paths)
        let holders = try ProcessTable(paths: paths).holders { target, number, folder, _ in
            nodes.node(target, descriptor: number, in: folder)
        }
        if holders.processes.isEmpty, let hidden = holders.hidden { throw hidden }
        return uses(holders.processes, nodes)
    }

    /// Both in one pass over the process table; nil when it cannot be read. The groups are nil when none was found but
    /// some processes could not be read.
    func all() -> (groups: [Int: [ProcessHolder]]?, devices: [PCIAddress: [DeviceUse]])? {
        enum File: Hashable {
            case group(Int)
            case node(DeviceNodes.Node)
        }
        let devices = VFIODevices(paths: paths)
        let nodes = DeviceNodes(paths: paths)
        let found: ProcessTable.Holders<File>? = try? ProcessTable(paths: paths).holders {
            target, number, folder, pass in
            if let group = devices.group(of: target, descriptor: number, in: folder, &pass) { return .group(group) }
            return nodes.node(target, descriptor: number, in: folder).map(File.node)
        }
        guard let found else { return nil }
        var groups: [Int: [ProcessHolder]] = [:]
        var open: [DeviceNodes.Node: [ProcessHolder]] = [:]
        for (file, processes) in found.processes {
            switch file {
            case .group(let group): groups[group] = processes
            case .node(let node): open[node] = processes
            }
        }
        return (groups.isEmpty && found.hidden != nil ? nil : groups, uses(open, nodes))
    }

    /// One use for each function and process: by the device file that comes first by name.
    private func uses(
        _ open: [DeviceNodes.Node: [ProcessHolder]], _ nodes: DeviceNodes
    ) -> [PCIAddress: [DeviceUse]] {
        var uses: [PCIAddress: [DeviceUse]] = [:]
        for (node, processes) in open.sorted(by: { $0.key.path < $1.key.path }) {
            for function in nodes.functions(of: node) {
                for process in processes where !isOnlyLooking(process) {
                    if uses[function]?.contains(where: { $0.process.pid == process.pid }) == true { continue }
                    uses[function, default: []].append(DeviceUse(device: node.path, process: process))
                }
            }
        }
        return uses.mapValues { $0.sorted { $0.process.pid < $1.process.pid } }
    }

    /// Whether the process is this one, which opens disks to ask for their exclusive users, or udev, which looks at each
    /// new device for a moment and can lose it.
    private func isOnlyLooking(_ process: ProcessHolder) -> Bool {
        if paths.isLive, process.pid == Int(getpid()) { return true }
        return ["(udev-worker)", "systemd-udevd"].contains(process.command)
    }

    /// Whether any function can be open through VFIO: each open group or device holds a reference to the module `vfio`,
    /// besides those of the modules that need it. A kernel with VFIO built in has no count.
    ///
    /// This saves the pass over the process table, which on a busy host is tens of thousands of files.
    ///
    /// Source: `vfio_group_fops` and `vfio_device_fops`, drivers/vfio; `refcnt` and `holders` of a module,
    /// kernel/module.
    private var mayBeOpen: Bool {
        guard let module = try? Directory(paths.vfioModule) else { return true }
        var pass = ReadPass()
        guard let references = (try? pass.contents(of: "refcnt", in: module)).flatMap({ Int($0) }) else { return true }
        let needed = (try? Directory("holders", in: module).names().count) ?? 0
        return references > needed
    }
}

/// The IOMMU groups of VFIO's character devices.
struct VFIODevices {
    let paths: HostPaths

    /// The IOMMU group of a character device: the group's own device, or since kernel 6.1 that of one function. nil for
    /// any other file.
    ///
    /// While a guest blocks the removal of its function, the device file and its class folder are gone already. Then the
    /// open file tells its function itself, since kernel 6.18.
    ///
    /// - Parameters:
    ///   - target: the open file's name.
    ///   - descriptor: the link with that name in a process's folder `fd`.
    ///
    /// Source: `vfio_unregister_group_dev`, drivers/vfio/vfio_main.c; `vfio-device-syspath` of fdinfo,
    /// Documentation/filesystems/proc.rst.
    func group(
        of target: String, descriptor: String, in folder: borrowing Directory, _ pass: inout ReadPass
    ) -> Int? {
        guard target.hasPrefix("/dev/vfio/") else { return nil }
        let device = target.hasSuffix(Self.deleted) ? String(target.dropLast(Self.deleted.count)) : target
        if let group = paths.group(ofDevice: device) { return group }
        guard let name = paths.functionDeviceName(device) else { return nil }
        if let function = try? Directory(paths.vfioDevice(name)) { return group(ofFunction: function, &pass) }
        if let told = function(toldBy: descriptor, in: folder, &pass), let home = try? Directory(paths.function(told)) {
            return group(ofFunction: home, &pass)
        }
        // A captured tree can be without the class.
        guard let bus = try? Directory(paths.pciDevices), let functions = try? bus.names() else { return nil }
        for function in functions where bus.contains("\(function)/vfio-dev/\(name)") {
            if let home = try? Directory(function, in: bus) { return group(ofFunction: home, &pass) }
        }
        return nil
    }

    /// What the kernel adds to the name of an open file that was removed. Source: `d_path`, fs/d_path.c.
    private static let deleted = " (deleted)"

    private func function(
        toldBy descriptor: String, in folder: borrowing Directory, _ pass: inout ReadPass
    ) -> PCIAddress? {
        let text = try? pass.contents(of: "../fdinfo/" + descriptor, in: folder)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("vfio-device-syspath:") }
        return line.flatMap { SysfsText.lastFunction(onPath: Array($0.utf8).span) }
    }

    private func group(ofFunction function: borrowing Directory, _ pass: inout ReadPass) -> Int? {
        (try? pass.target(of: "iommu_group", in: function, SysfsText.lastCount)).flatMap(\.self)
    }
}

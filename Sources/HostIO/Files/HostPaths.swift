// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// The paths of the host's files, below one root.
///
/// With the root `/` they are this host's own. Another root is a captured tree, a test's tree, or the host as a
/// container sees it. No other file names a folder of sysfs.
public struct HostPaths: Sendable {
    /// The root without a trailing slash: empty for `/`.
    private let prefix: String

    public init(root: String = "/") {
        var prefix = Substring(root)
        while prefix.last == "/" { prefix.removeLast() }
        self.prefix = String(prefix)
    }

    /// The root as a user writes it.
    public var root: String { prefix.isEmpty ? "/" : prefix }

    /// Whether the root is `/`. Only then are sysfs and the kernel's sockets those of the same host.
    public var isLive: Bool { prefix.isEmpty }

    var sysfs: String { prefix + "/sys" }
    var pciBus: String { sysfs + "/bus/pci" }
    var pciDevices: String { pciBus + "/devices" }
    /// Write the address of a function here, and the kernel looks for its driver.
    package var driversProbe: String { pciBus + "/drivers_probe" }
    var iommuGroups: String { sysfs + "/kernel/iommu_groups" }
    var iommuClass: String { sysfs + "/class/iommu" }
    var numaNodes: String { sysfs + "/devices/system/node" }
    func cpus(ofNode node: Int) -> String { numaNodes + "/node\(node)/cpulist" }
    /// The nodes that have memory, as a list.
    var nodesWithMemory: String { numaNodes + "/has_memory" }
    func processorTopology(_ cpu: Int) -> String { sysfs + "/devices/system/cpu/cpu\(cpu)/topology" }
    var memoryFacts: String { processes + "/meminfo" }
    var processes: String { prefix + "/proc" }
    /// The devices that each module of a kernel supports.
    func moduleAliases(kernel release: String) -> [String] {
        installedModules(release: release).map { $0 + "/modules.alias" }
    }
    /// The drivers of a loaded module, `pci:NAME` each.
    func moduleDrivers(_ module: String) -> String { sysfs + "/module/\(module)/drivers" }
    var hostname: String { processes + "/sys/kernel/hostname" }
    var kernelRelease: String { processes + "/sys/kernel/osrelease" }
    var bootID: String { processes + "/sys/kernel/random/boot_id" }
    var configuredHostname: String { prefix + "/etc/hostname" }
    var machineID: String { prefix + "/etc/machine-id" }

    /// A function's folder, or an attribute in it.
    package func function(_ address: PCIAddress, _ attribute: String? = nil) -> String {
        pciDevices + "/\(address)" + (attribute.map { "/" + $0 } ?? "")
    }

    /// The character devices of IOMMU groups.
    var vfioGroupDevices: String { prefix + "/dev/vfio" }

    /// A group's character device, as a program on the host opens it.
    func groupDevice(_ id: Int) -> String { "/dev/vfio/\(id)" }

    /// The group whose character device this is; nil for any other file.
    ///
    /// - Parameter path: a name from a process's open files. The kernel prints it without our root.
    ///
    /// Source: Documentation/driver-api/vfio.rst.
    func group(ofDevice path: String) -> Int? {
        guard path.hasPrefix("/dev/vfio/") else { return nil }
        let name = path.dropFirst("/dev/vfio/".count)
        // Without an IOMMU: `vfio_group_alloc`, drivers/vfio/group.c.
        return Int(name.hasPrefix("noiommu-") ? name.dropFirst("noiommu-".count) : name)
    }

    /// `vfio0` for the character device of a VFIO device; nil for any other file.
    ///
    /// Source: Documentation/driver-api/vfio.rst, "VFIO Device cdev".
    func functionDeviceName(_ path: String) -> String? {
        path.hasPrefix("/dev/vfio/devices/") ? String(path.dropFirst("/dev/vfio/devices/".count)) : nil
    }

    /// The folder of a VFIO device's function.
    func vfioDevice(_ name: String) -> String { sysfs + "/class/vfio-dev/\(name)/device" }
    /// The module that every open VFIO group and device holds a reference to.
    var vfioModule: String { modules + "/vfio" }
}

/// What `buslane doctor` reads besides the PCI bus.
extension HostPaths {
    /// A path without the root.
    func onHost(_ path: String) -> String { path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path }

    // The kernel and the firmware.
    var commandLine: String { processes + "/cmdline" }
    var processorInfo: String { processes + "/cpuinfo" }
    /// The first process's table before our own: a daemon can have its own mount namespace.
    var mountTables: [String] { ["1", "self"].map { processes + "/\($0)/mountinfo" } }
    var swaps: String { processes + "/swaps" }
    func state(ofProcess pid: Int) -> String { processes + "/\(pid)/stat" }
    func status(ofProcess pid: Int) -> String { processes + "/\(pid)/status" }
    func commandLine(ofProcess pid: Int) -> String { processes + "/\(pid)/cmdline" }
    /// Links by device number, `259:2`.
    var blockNumbers: String { sysfs + "/dev/block" }
    /// Links by name of the block device.
    var blockDevices: String { sysfs + "/class/block" }
    /// By number, `226:128`: links to the devices that character device files open.
    var characterNumbers: String { sysfs + "/dev/char" }
    /// By file system: the block devices of each mounted btrfs or bcachefs.
    func fileSystems(_ type: String) -> String { sysfs + "/fs/\(type)" }
    /// What the kernel exports as an NVMe target.
    var nvmeTargets: String { sysfs + "/kernel/config/nvmet/subsystems" }
    /// Whether an open file of sysfs is a function's memory, `resource0`; nil for a file of another kind.
    ///
    /// - Parameter path: a name from a process's open files, without our root.
    func isMemory(_ path: String) -> Bool? {
        guard path.hasPrefix("/sys/devices/") else { return nil }
        return path.split(separator: "/").last?.hasPrefix("resource") == true
    }
    /// By function: what NVIDIA's driver tells about each GPU.
    var nvidiaGPUs: String { processes + "/driver/nvidia/gpus" }
    /// A block device's own file, as a program on the host opens it. sysfs has `!` for a slash.
    func blockDeviceFile(_ name: String) -> String { "/dev/" + name.replacing("!", with: "/") }
    func nvmeSubsystem(_ name: String) -> String { sysfs + "/class/nvme-subsystem/\(name)" }
    /// `xen` on its hosts and guests.
    var hypervisorType: String { sysfs + "/hypervisor/type" }
    var systemVendor: String { sysfs + "/class/dmi/id/sys_vendor" }
    var productName: String { sysfs + "/class/dmi/id/product_name" }
    var interrupts: String { processes + "/interrupts" }
    var unixSockets: String { processes + "/net/unix" }
    var firmwareTables: String { sysfs + "/firmware/acpi/tables" }
    var modules: String { sysfs + "/module" }
    var pciDrivers: String { pciBus + "/drivers" }
    func driver(_ name: String) -> String { pciDrivers + "/\(name)" }
    func parameter(_ name: String, ofModule module: String) -> String { modules + "/\(module)/parameters/\(name)" }
    /// Two paths of one folder where `/lib` is a link. The first that exists counts.
    func installedModules(release: String) -> [String] {
        ["/lib", "/usr/lib"].map { prefix + $0 + "/modules/" + release }
    }

    // How the kernel command line is set.
    var grubDefaults: String { prefix + "/etc/default/grub" }
    var updateGrub: String { prefix + "/usr/sbin/update-grub" }
    var grubby: [String] { [prefix + "/usr/sbin/grubby", prefix + "/usr/bin/grubby"] }
    var commandLineFile: String { prefix + "/etc/kernel/cmdline" }

    // libvirt.
    func systemProgram(_ name: String) -> String { prefix + "/usr/sbin/" + name }
    /// Exists if systemd listens for the program.
    func enabledSocket(_ program: String) -> String {
        prefix + "/etc/systemd/system/sockets.target.wants/\(program).socket"
    }
    var libvirtConfiguration: String { prefix + "/etc/libvirt" }
    var qemuHooks: String { libvirtConfiguration + "/hooks/qemu.d" }
    /// The ends of its sockets' paths: some hosts use `/var/run`.
    var libvirtSockets: [String] { ["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"] }
    var appArmorProfiles: [String] {
        ["libvirtd", "virtqemud"].map { prefix + "/etc/apparmor.d/usr.sbin." + $0 }
    }

    // Other owners.
    var networkManager: String { systemProgram("NetworkManager") }
    var networkManagerMainFile: String { prefix + "/etc/NetworkManager/NetworkManager.conf" }
    var networkManagerSnippets: [String] { below(["/etc", "/run", "/usr/lib"], "/NetworkManager/conf.d") }
    var networkManagerConnections: [String] {
        below(["/etc", "/run", "/usr/lib"], "/NetworkManager/system-connections")
            + [prefix + "/etc/sysconfig/network-scripts"]
    }
    var netplan: [String] { below(["/etc", "/run", "/usr/lib"], "/netplan") }
    var systemdNetwork: [String] { below(Self.systemdRoots, "/systemd/network") }
    var driverctl: String { prefix + "/etc/driverctl.d" }
    var libvirtNetworks: String { libvirtConfiguration + "/qemu/networks" }
    var udevRules: [String] { below(Self.systemdRoots, "/udev/rules.d") }
    var modprobe: [String] { below(Self.systemdRoots, "/modprobe.d") }
    /// Folders and files in which administrators often set a VF count themselves.
    var scripts: [String] {
        below(
            ["/etc"],
            "/rc.local", "/rc.d/rc.local", "/init.d/boot.local", "/init.d/after.local", "/local.d", "/init.d",
            "/sysfs.conf",
            "/sysfs.d", "/crontab", "/cron.d", "/anacrontab", "/network/interfaces", "/network/interfaces.d",
            "/network/if-pre-up.d", "/network/if-up.d", "/network/if-post-up.d", "/networkd-dispatcher/routable.d",
            "/networkd-dispatcher/configured.d", "/NetworkManager/dispatcher.d",
            "/NetworkManager/dispatcher.d/pre-up.d",
            "/cloud/cloud.cfg.d")
            + below(Self.systemdRoots, "/tmpfiles.d", "/systemd/system")
            + below(["/var/spool"], "/cron/crontabs", "/cron", "/cron/tabs")
    }

    private static let systemdRoots = ["/etc", "/run", "/usr/local/lib", "/usr/lib"]

    private func below(_ roots: [String], _ ends: String...) -> [String] {
        roots.flatMap { root in ends.map { prefix + root + $0 } }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// The paths of the host's files, below one root.
///
/// With the root `/` they are this host's own. Another root is a captured tree, a test's tree, or the host as a
/// container sees it. No other file names a folder of sysfs.
public struct HostPaths: Sendable {
    /// The root without a trailing slash: empty for `/`.
    private let prefix: String
    /// nil for `/`.
    private let tree: HostTree?

    public init(root: String = "/") {
        var prefix = Substring(root)
        while prefix.last == "/" { prefix.removeLast() }
        self.prefix = String(prefix)
        tree = prefix.isEmpty ? nil : HostTree(root: String(prefix))
    }

    /// - Parameter path: of a file, as a program on the host names it.
    func below(_ path: String) -> HostPath { HostPath(prefix + path, in: tree) }

    /// The root as a user writes it.
    public var root: String { prefix.isEmpty ? "/" : prefix }

    /// Whether the root is `/`. Only then are sysfs and the kernel's sockets those of the same host.
    public var isLive: Bool { prefix.isEmpty }

    var sysfs: HostPath { below("/sys") }
    var pciBus: HostPath { sysfs + "/bus/pci" }
    var pciDevices: HostPath { pciBus + "/devices" }
    /// Write the address of a function here, and the kernel looks for its driver.
    package var driversProbe: HostPath { pciBus + "/drivers_probe" }
    var iommuGroups: HostPath { sysfs + "/kernel/iommu_groups" }
    var iommuClass: HostPath { sysfs + "/class/iommu" }
    var numaNodes: HostPath { sysfs + "/devices/system/node" }
    func cpus(ofNode node: Int) -> HostPath { numaNodes + "/node\(node)/cpulist" }
    /// The nodes that have memory, as a list.
    var nodesWithMemory: HostPath { numaNodes + "/has_memory" }
    func processorTopology(_ cpu: Int) -> HostPath { sysfs + "/devices/system/cpu/cpu\(cpu)/topology" }
    var memoryFacts: HostPath { processes + "/meminfo" }
    var processes: HostPath { below("/proc") }
    /// The devices that each module of a kernel supports.
    func moduleAliases(kernel release: String) -> [HostPath] {
        installedModules(release: release).map { $0 + "/modules.alias" }
    }
    /// The drivers of a loaded module, `pci:NAME` each.
    func moduleDrivers(_ module: String) -> HostPath { sysfs + "/module/\(module)/drivers" }
    var hostname: HostPath { processes + "/sys/kernel/hostname" }
    var kernelRelease: HostPath { processes + "/sys/kernel/osrelease" }
    var bootID: HostPath { processes + "/sys/kernel/random/boot_id" }
    var configuredHostname: HostPath { below("/etc/hostname") }
    var machineID: HostPath { below("/etc/machine-id") }

    /// A function's folder, or an attribute in it.
    package func function(_ address: PCIAddress, _ attribute: String? = nil) -> HostPath {
        pciDevices + "/\(address)" + (attribute.map { "/" + $0 } ?? "")
    }

    /// The character devices of IOMMU groups.
    var vfioGroupDevices: HostPath { below("/dev/vfio") }

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
    func vfioDevice(_ name: String) -> HostPath { sysfs + "/class/vfio-dev/\(name)/device" }
    /// The module that every open VFIO group and device holds a reference to.
    var vfioModule: HostPath { modules + "/vfio" }
}

/// What `buslane doctor` reads besides the PCI bus.
extension HostPaths {
    /// A path without the root.
    func onHost(_ path: HostPath) -> String { String(path.description.dropFirst(prefix.count)) }

    // The kernel and the firmware.
    var commandLine: HostPath { processes + "/cmdline" }
    var processorInfo: HostPath { processes + "/cpuinfo" }
    /// The first process's table before our own: a daemon can have its own mount namespace.
    var mountTables: [HostPath] { ["1", "self"].map { processes + "/\($0)/mountinfo" } }
    var swaps: HostPath { processes + "/swaps" }
    func state(ofProcess pid: Int) -> HostPath { processes + "/\(pid)/stat" }
    func status(ofProcess pid: Int) -> HostPath { processes + "/\(pid)/status" }
    func commandLine(ofProcess pid: Int) -> HostPath { processes + "/\(pid)/cmdline" }
    /// Links by device number, `259:2`.
    var blockNumbers: HostPath { sysfs + "/dev/block" }
    /// Links by name of the block device.
    var blockDevices: HostPath { sysfs + "/class/block" }
    /// By number, `226:128`: links to the devices that character device files open.
    var characterNumbers: HostPath { sysfs + "/dev/char" }
    /// By file system: the block devices of each mounted btrfs or bcachefs.
    func fileSystems(_ type: String) -> HostPath { sysfs + "/fs/\(type)" }
    /// What the kernel exports as an NVMe target.
    var nvmeTargets: HostPath { sysfs + "/kernel/config/nvmet/subsystems" }
    /// Whether an open file of sysfs is a function's memory, `resource0`; nil for a file of another kind.
    ///
    /// - Parameter path: a name from a process's open files, without our root.
    func isMemory(_ path: String) -> Bool? {
        guard path.hasPrefix("/sys/devices/") else { return nil }
        return path.split(separator: "/").last?.hasPrefix("resource") == true
    }
    /// By function: what NVIDIA's driver tells about each GPU.
    var nvidiaGPUs: HostPath { processes + "/driver/nvidia/gpus" }
    /// A block device's own file, as a program on the host opens it. sysfs has `!` for a slash.
    func blockDeviceFile(_ name: String) -> String { "/dev/" + name.replacing("!", with: "/") }
    func nvmeSubsystem(_ name: String) -> HostPath { sysfs + "/class/nvme-subsystem/\(name)" }
    /// `xen` on its hosts and guests.
    var hypervisorType: HostPath { sysfs + "/hypervisor/type" }
    var systemVendor: HostPath { sysfs + "/class/dmi/id/sys_vendor" }
    var productName: HostPath { sysfs + "/class/dmi/id/product_name" }
    var interrupts: HostPath { processes + "/interrupts" }
    var unixSockets: HostPath { processes + "/net/unix" }
    var firmwareTables: HostPath { sysfs + "/firmware/acpi/tables" }
    var modules: HostPath { sysfs + "/module" }
    var pciDrivers: HostPath { pciBus + "/drivers" }
    func driver(_ name: String) -> HostPath { pciDrivers + "/\(name)" }
    func parameter(_ name: String, ofModule module: String) -> HostPath { modules + "/\(module)/parameters/\(name)" }
    /// Two paths of one folder where `/lib` is a link. The first that exists counts.
    func installedModules(release: String) -> [HostPath] {
        ["/lib", "/usr/lib"].map { below($0 + "/modules/" + release) }
    }

    // How the kernel command line is set.
    var grubDefaults: HostPath { below("/etc/default/grub") }
    var updateGrub: HostPath { below("/usr/sbin/update-grub") }
    var grubby: [HostPath] { [below("/usr/sbin/grubby"), below("/usr/bin/grubby")] }
    var commandLineFile: HostPath { below("/etc/kernel/cmdline") }

    // libvirt.
    func systemProgram(_ name: String) -> HostPath { below("/usr/sbin/" + name) }
    /// Exists if systemd listens for the program.
    func enabledSocket(_ program: String) -> HostPath {
        below("/etc/systemd/system/sockets.target.wants/\(program).socket")
    }
    var libvirtConfiguration: HostPath { below("/etc/libvirt") }
    var qemuHooks: HostPath { libvirtConfiguration + "/hooks/qemu.d" }
    /// The ends of its sockets' paths: some hosts use `/var/run`.
    var libvirtSockets: [String] { ["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"] }
    var appArmorProfiles: [HostPath] {
        ["libvirtd", "virtqemud"].map { below("/etc/apparmor.d/usr.sbin." + $0) }
    }

    // Other owners.
    var networkManager: HostPath { systemProgram("NetworkManager") }
    var networkManagerMainFile: HostPath { below("/etc/NetworkManager/NetworkManager.conf") }
    var networkManagerSnippets: [HostPath] { below(["/etc", "/run", "/usr/lib"], "/NetworkManager/conf.d") }
    var networkManagerConnections: [HostPath] {
        below(["/etc", "/run", "/usr/lib"], "/NetworkManager/system-connections")
            + [below("/etc/sysconfig/network-scripts")]
    }
    var netplan: [HostPath] { below(["/etc", "/run", "/usr/lib"], "/netplan") }
    var systemdNetwork: [HostPath] { below(Self.systemdRoots, "/systemd/network") }
    var driverctl: HostPath { below("/etc/driverctl.d") }
    var libvirtNetworks: HostPath { libvirtConfiguration + "/qemu/networks" }
    var udevRules: [HostPath] { below(Self.systemdRoots, "/udev/rules.d") }
    var modprobe: [HostPath] { below(Self.systemdRoots, "/modprobe.d") }
    /// Folders and files in which administrators often set a VF count themselves.
    var scripts: [HostPath] {
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

    private func below(_ roots: [String], _ ends: String...) -> [HostPath] {
        roots.flatMap { root in ends.map { below(root + $0) } }
    }
}

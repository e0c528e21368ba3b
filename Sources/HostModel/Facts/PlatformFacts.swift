// SPDX-License-Identifier: GPL-3.0-or-later

/// Facts outside the PCI bus that decide whether passthrough works: firmware, kernel, services, and other software that
/// sets up VFs.
///
/// An unknown value is nil: a captured tree without `proc` has no kernel command line. Paths are those of the host itself,
/// without the root below which they were read.
public struct PlatformFacts: Hashable, Sendable {
    public var processor: Processor?
    /// Whether the host is itself a virtual machine. Source: the flag `hypervisor` of `cpuinfo`.
    public var isVirtualMachine: Bool?
    /// What the host runs on, if that is a hypervisor; nil if unknown. Source: `hypervisor/type` and the DMI vendor.
    public var hypervisor: Hypervisor?
    /// The kernel command line, word by word. Source: `cmdline`, proc(5).
    public var kernelCommandLine: [String]?
    /// Where that command line is configured.
    public var bootLoader: BootLoader?
    /// The tables with which the firmware announces an IOMMU; nil on a host without ACPI.
    public var firmwareTables: Set<FirmwareTable>?
    /// Whether interrupts pass through the IOMMU. Source: the chips named `IR-…` in `interrupts`, proc(5).
    public var interruptRemapping: Bool?
    /// Whether VFIO works without interrupt remapping. Source: `vfio_iommu_type1`'s parameter `allow_unsafe_interrupts`.
    public var allowsUnsafeInterrupts: Bool?
    /// Whether VFIO creates groups without an IOMMU. Source: `vfio`'s parameter `enable_unsafe_noiommu_mode`.
    public var makesUpGroups: Bool?
    /// The state of the module vfio-pci.
    public var vfio: ModuleState?
    /// Functions that have the SR-IOV capability but offer no VFs. Source: `sriov_totalvfs` reads 0.
    public var functionsOfferingNoVFs: [PCIAddress]
    public var libvirt: Libvirt
    public var hooks: Hooks
    /// Whether the daemon listens on its socket.
    public var daemonListens: Bool?
    /// Configuration of other software that sets up functions.
    public var rivals: [Rival]
    /// NetworkManager is installed, and its configuration excludes no device.
    public var networkManagerTakesEverything: Bool
    /// Files and folders that exist but could not be read.
    public var unreadable: [String]

    public enum Hypervisor: Hashable, Sendable {
        case kvm
        /// Its name, for people: `VMware`.
        case other(String)
    }

    public enum Processor: Hashable, Sendable { case intel, amd, other }

    /// How to change the kernel command line.
    public enum BootLoader: Hashable, Sendable { case updateGrub, grubby, commandLineFile }

    public enum FirmwareTable: String, Hashable, Sendable, CaseIterable {
        /// Intel VT-d.
        case dmar = "DMAR"
        /// AMD-Vi.
        case ivrs = "IVRS"
        /// Arm; it describes the SMMUs among other things.
        case iort = "IORT"
        /// virtio-iommu.
        case viot = "VIOT"
    }

    public enum ModuleState: Hashable, Sendable {
        case loaded
        /// modprobe can load it.
        case available
        /// The running kernel does not have it.
        case missing
    }

    /// libvirt's QEMU driver.
    public struct Libvirt: Hashable, Sendable {
        /// `libvirtd` or `virtqemud`; nil if neither is installed.
        public var program: String?
        /// Whether it, or systemd on its behalf, listens on its socket.
        public var listens: Bool?
        /// The running process; nil if there is none. A socket-activated service runs only while it is used.
        public var process: Process?

        public struct Process: Hashable, Sendable {
            public var pid: Int
            /// Whether it may raise QEMU's limits. Source: CAP_SYS_RESOURCE in `CapEff`, capabilities(7).
            public var mayRaiseLimits: Bool
            /// nil is "unlimited". Source: `Max locked memory` of `limits`, proc(5).
            public var lockedMemoryLimit: Int?

            public init(pid: Int, mayRaiseLimits: Bool, lockedMemoryLimit: Int?) {
                self.pid = pid
                self.mayRaiseLimits = mayRaiseLimits
                self.lockedMemoryLimit = lockedMemoryLimit
            }
        }

        public init(program: String? = nil, listens: Bool? = nil, process: Process? = nil) {
            self.program = program
            self.listens = listens
            self.process = process
        }
    }

    /// The programs that libvirt runs at each step of a domain's life.
    public struct Hooks: Hashable, Sendable {
        /// `/etc/libvirt/hooks/qemu.d`.
        public var folder: String
        /// All files of the folder, by name; nil if the folder could not be read.
        public var files: [File]?
        /// Whether AppArmor forbids libvirt to run programs of other folders.
        public var areConfined: Bool

        public struct File: Hashable, Sendable {
            public var name: String
            public var isExecutable: Bool
            /// The target of a symbolic link; nil for any other file.
            public var target: String?

            public init(name: String, isExecutable: Bool, target: String? = nil) {
                self.name = name
                self.isExecutable = isExecutable
                self.target = target
            }
        }

        /// The name of Buslane's own hook.
        public static let ours = "50-buslane"

        public init(folder: String, files: [File]? = nil, areConfined: Bool = false) {
            self.folder = folder
            self.files = files
            self.areConfined = areConfined
        }
    }

    /// A line in the configuration of other software that sets up functions.
    public struct Rival: Hashable, Sendable {
        public var kind: Kind
        public var file: String
        /// From 1; nil if the whole file is meant.
        public var line: Int?
        /// The line, or a summary of the file.
        public var text: String

        public enum Kind: Hashable, Sendable, CaseIterable {
            case networkManager, netplan, systemdNetwork, driverctl, libvirtNetwork, udevRule, modprobe, script
        }

        /// Whether an option makes a module create VFs when it is loaded: `max_vfs=7`, `num_vfs=4,4,0`.
        ///
        /// i915 and xe only limit the number by `max_vfs`.
        public static func makesVFs(option: some StringProtocol, ofModule module: some StringProtocol) -> Bool {
            let parts = option.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, ["max_vfs", "num_vfs", "num_vf"].contains(String(parts[0])) else { return false }
            return module != "i915" && module != "xe" && parts[1].contains { $0.isNumber && $0 != "0" }
        }

        public init(kind: Kind, file: String, line: Int? = nil, text: String) {
            self.kind = kind
            self.file = file
            self.line = line
            self.text = text
        }
    }

    public init(hooks: Hooks, libvirt: Libvirt = Libvirt()) {
        functionsOfferingNoVFs = []
        self.libvirt = libvirt
        self.hooks = hooks
        rivals = []
        networkManagerTakesEverything = false
        unreadable = []
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// What around the PCI bus decides whether passthrough works: firmware, kernel, services, and who else sets up VFs.
///
/// Unknown is nil, as everywhere: a captured tree without `proc` says nothing of the kernel's command line. Files are
/// named as on the host itself, without the root below which they were read.
public struct PlatformFacts: Hashable, Sendable {
    public var processor: Processor?
    /// The host is itself a virtual machine. Source: the flag `hypervisor` of `cpuinfo`.
    public var isVirtualMachine: Bool?
    /// The kernel command line, word by word. Source: `cmdline`, proc(5).
    public var kernelCommandLine: [String]?
    /// Where that command line is written down.
    public var bootLoader: BootLoader?
    /// The tables by which the firmware announces an IOMMU; nil on a host without ACPI.
    public var firmwareTables: Set<FirmwareTable>?
    /// Whether interrupts pass through the IOMMU. Source: the chips named `IR-…` in `interrupts`, proc(5).
    public var interruptRemapping: Bool?
    /// VFIO goes on without interrupt remapping. Source: `vfio_iommu_type1`'s parameter `allow_unsafe_interrupts`.
    public var allowsUnsafeInterrupts: Bool?
    /// VFIO makes up groups where no IOMMU is. Source: `vfio`'s parameter `enable_unsafe_noiommu_mode`.
    public var makesUpGroups: Bool?
    /// The module vfio-pci.
    public var vfio: ModuleState?
    /// Functions that have the SR-IOV capability and offer no VFs. Source: `sriov_totalvfs` reads 0.
    public var functionsOfferingNoVFs: [PCIAddress]
    public var libvirt: Libvirt
    public var hooks: Hooks
    /// Whether the daemon listens at its socket.
    public var daemonListens: Bool?
    /// Files that set up functions besides Buslane.
    public var rivals: [Rival]
    /// NetworkManager is installed, and no configuration of it leaves any device alone.
    public var networkManagerTakesEverything: Bool
    /// Files and folders that are there and could not be read.
    public var unreadable: [String]

    public enum Processor: Hashable, Sendable { case intel, amd, other }

    /// How a word gets onto the kernel command line.
    public enum BootLoader: Hashable, Sendable { case updateGrub, grubby, commandLineFile }

    public enum FirmwareTable: String, Hashable, Sendable, CaseIterable {
        /// Intel VT-d.
        case dmar = "DMAR"
        /// AMD-Vi.
        case ivrs = "IVRS"
        /// Arm, where it names the SMMUs among others.
        case iort = "IORT"
        /// virtio-iommu.
        case viot = "VIOT"
    }

    public enum ModuleState: Hashable, Sendable {
        case loaded
        /// modprobe would find it.
        case available
        /// The running kernel has none.
        case missing
    }

    /// libvirt's QEMU driver.
    public struct Libvirt: Hashable, Sendable {
        /// `libvirtd` or `virtqemud`; nil when neither is installed.
        public var program: String?
        /// Whether it, or systemd in its place, listens at its socket.
        public var listens: Bool?
        /// The running process; nil when there is none, as between two uses of a socket-activated one.
        public var process: Process?

        public struct Process: Hashable, Sendable {
            public var pid: Int
            /// It may raise QEMU's limits. Source: CAP_SYS_RESOURCE in `CapEff`, capabilities(7).
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

    /// What libvirt runs at each step of a domain's life.
    public struct Hooks: Hashable, Sendable {
        /// `/etc/libvirt/hooks/qemu.d`, as the host names it.
        public var folder: String
        /// Everything in that folder, by name; nil when the folder could not be read.
        public var files: [File]?
        /// AppArmor keeps libvirt from running what lies elsewhere.
        public var areConfined: Bool

        public struct File: Hashable, Sendable {
            public var name: String
            public var isExecutable: Bool
            /// Where it points, for a symbolic link.
            public var target: String?

            public init(name: String, isExecutable: Bool, target: String? = nil) {
                self.name = name
                self.isExecutable = isExecutable
                self.target = target
            }
        }

        /// Buslane's own.
        public static let ours = "50-buslane"

        public init(folder: String, files: [File]? = nil, areConfined: Bool = false) {
            self.folder = folder
            self.files = files
            self.areConfined = areConfined
        }
    }

    /// A line of someone else's configuration that sets up functions.
    public struct Rival: Hashable, Sendable {
        public var kind: Kind
        public var file: String
        /// From 1; nil when the file as a whole says it.
        public var line: Int?
        /// The line, or what the file says in short.
        public var text: String

        public enum Kind: Hashable, Sendable, CaseIterable {
            case networkManager, netplan, systemdNetwork, driverctl, libvirtNetwork, udevRule, modprobe, script
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

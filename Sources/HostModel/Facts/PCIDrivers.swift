// SPDX-License-Identifier: GPL-3.0-or-later

/// The drivers that the kernel has for PCI functions, and whether its vfio-pci binds every function.
public struct PCIDrivers: Hashable, Sendable {
    /// By name. Source: `bus/pci/drivers`.
    public var registered: Set<String>
    /// Whether vfio-pci binds the functions of its denylist too; nil if the module is not loaded.
    /// Source: the parameter `disable_denylist`, drivers/vfio/pci/vfio_pci.c.
    public var denylistIsOff: Bool?

    public init(registered: Set<String>, denylistIsOff: Bool? = nil) {
        self.registered = registered
        self.denylistIsOff = denylistIsOff
    }

    /// Names that no PCI driver has on any host, with the driver that was probably meant.
    public static let meant = [
        "vfio": VFIO.genericDriver, "vfio_pci": VFIO.genericDriver, "vfio-pci-core": VFIO.genericDriver,
        "vfio_pci_core": VFIO.genericDriver, "vfio_iommu_type1": VFIO.genericDriver, "iommufd": VFIO.genericDriver,
        "kvm": VFIO.genericDriver, "uio": "uio_pci_generic", "pci_stub": "pci-stub",
    ]

    /// Drivers of VFs whose modules udev loads when the first VF appears.
    ///
    /// Source: `MODULE_DEVICE_TABLE(pci, …)` of these drivers in Linux 6.12.
    static let loadedWithVFs: Set = [
        "bnxt_en", "c3xxxvf", "c6xxvf", "cxgb4vf", "dh895xccvf", "ena", "fm10k", "funeth", "hinic", "hns3",
        "i40evf", "iavf", "idpf", "igbvf", "ionic", "ixgbevf", "liquidio_vf", "mana", "mlx4_core", "mlx5_core", "nfp",
        "nvme", "octeon_ep_vf", "pds_core", "qede", "rvu_cptvf", "rvu_nicvf", "thunder-nicvf", "virtio-pci",
    ]
}

extension HostSnapshot {
    /// Whether a function can be bound to a driver of this name, now or when VFs appear; nil if unknown.
    func hasDriver(_ name: String) -> Bool? {
        guard let drivers, !drivers.registered.isEmpty else { return nil }
        return drivers.registered.contains(name) || PCIDrivers.loadedWithVFs.contains(name)
            || functions.contains { $0.driver == name }
    }

    /// The registered driver with the most similar name, and vfio-pci.
    func driversLike(_ name: String) -> [String] {
        let registered = drivers?.registered ?? []
        let near = name.nearest(among: registered.sorted())
        let usual = near != VFIO.genericDriver && registered.contains(VFIO.genericDriver) ? VFIO.genericDriver : nil
        return [near, usual].compactMap(\.self)
    }

    /// Whether vfio-pci refuses functions with these ids.
    public func vfioDenies(_ identity: Identity) -> Bool {
        guard let since = VFIODenylist.since(identity), drivers?.denylistIsOff != true else { return false }
        guard let kernel = host.kernel.flatMap(KernelVersion.init) else {
            // The parameter came with the list.
            return drivers?.denylistIsOff == false && since <= VFIODenylist.first
        }
        return kernel >= since
    }
}

/// The functions that vfio-pci does not bind, because a guest with one could harm the host.
///
/// Variants of vfio-pci have no such list. Source: `vfio_pci_dev_in_denylist`, drivers/vfio/pci/vfio_pci.c.
enum VFIODenylist {
    /// How to bind them all the same.
    static let remedy = "put 'options vfio-pci disable_denylist=1' into /etc/modprobe.d/vfio.conf and reboot"

    /// The kernel with which the list began.
    static let first = KernelVersion(major: 5, minor: 9)

    private static let intel: [UInt16: KernelVersion] = [
        // QuickAssist C3xxx, C62x and DH895xCC, PFs and VFs.
        0x19e2: first, 0x19e3: first, 0x37c8: first, 0x37c9: first, 0x0435: first, 0x0443: first,
        // DSA and IAA of Sapphire Rapids.
        0x0b25: KernelVersion(major: 6, minor: 9), 0x0cfe: KernelVersion(major: 6, minor: 9),
    ]

    /// The first kernel that has the ids on its list; nil for others.
    static func since(_ identity: Identity) -> KernelVersion? {
        identity.vendor == 0x8086 ? identity.device.flatMap { intel[$0] } : nil
    }
}

/// The version of a kernel release: 6.12 of `6.12.9-amd64`.
struct KernelVersion: Comparable {
    let major: Int
    let minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ release: String) {
        let parts = release.split(whereSeparator: { !$0.isASCIIDigit }).prefix(2).compactMap { Int($0) }
        guard release.first?.isASCIIDigit == true, parts.count == 2 else { return nil }
        self.init(major: parts[0], minor: parts[1])
    }

    static func < (one: KernelVersion, other: KernelVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }
}

extension Identity {
    /// `8086:37c9`, as lspci -n prints it, with `????` for one that is unknown.
    var ids: String { "\(vendor?.hex(4) ?? "????"):\(device?.hex(4) ?? "????")" }
}

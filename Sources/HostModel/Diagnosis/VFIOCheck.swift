// SPDX-License-Identifier: GPL-3.0-or-later

/// The driver that claimed functions are bound to.
struct VFIOCheck {
    let host: HostSnapshot
    /// The state of the module vfio-pci.
    let module: PlatformFacts.ModuleState?

    var findings: [Finding] {
        // A function that is bound to a VFIO driver proves that the module is loaded.
        let state = host.functions.contains(where: \.isOnVFIO) ? .loaded : module
        switch state {
        case nil: return []
        case .loaded: return [Finding(.ok, "vfio-loaded", "vfio-pci is loaded")]
        case .available:
            return [
                Finding(
                    .blocker, "vfio-not-loaded", subject: VFIO.genericDriver, "vfio-pci is not loaded",
                    why: "no function can be bound to it, and the kernel does not load it automatically",
                    remedy: "modprobe vfio-pci, and for the next boot: "
                        + "echo vfio-pci > /etc/modules-load.d/vfio-pci.conf")
            ]
        case .missing:
            let kernel = host.host.kernel.map { " \($0)" } ?? ""
            return [
                Finding(
                    .blocker, "vfio-missing", subject: VFIO.genericDriver,
                    "the running kernel\(kernel) has no vfio-pci",
                    why: "without it no guest can have a function",
                    remedy: "boot a kernel with CONFIG_VFIO_PCI; cloud kernels do not have it (Debian: apt install "
                        + "linux-image-amd64). After a kernel update, reboot")
            ]
        }
    }
}

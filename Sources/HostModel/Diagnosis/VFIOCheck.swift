// SPDX-License-Identifier: GPL-3.0-or-later

/// The driver that claimed functions are bound to.
struct VFIOCheck {
    let host: HostSnapshot
    /// The state of the module vfio-pci.
    let module: PlatformFacts.ModuleState?

    var findings: [Finding] { driver() + denied() + tokens() }

    /// Functions that vfio-pci does not bind.
    private func denied() -> [Finding] {
        let denied = host.functions.filter { !$0.isOnVFIO && host.vfioDenies($0.identity) }
        guard !denied.isEmpty else { return [] }
        return [
            Finding(
                .advice, "vfio-denylist", subject: denied.count == 1 ? "\(denied[0].address)" : "host",
                "vfio-pci has \(denied.map(\.address).listed) on its denylist", why: "it does not bind such a function",
                remedy: "use them on the host; only if you trust every guest with them: "
                    + "echo 'options vfio-pci disable_denylist=1' > /etc/modprobe.d/vfio.conf, and reboot")
        ]
    }

    /// PFs on VFIO that have VFs.
    private func tokens() -> [Finding] {
        host.functions.filter { $0.isOnVFIO && ($0.sriov?.vfCount ?? 0) > 0 }.map { function in
            Finding(
                .warning, "vf-token", subject: "\(function.address)",
                "\(function.address) is bound to \(function.driver ?? VFIO.genericDriver) and has VFs",
                why: "its VFs open only with its VF token, which libvirt cannot pass: no guest can have one",
                remedy: "bind it to its host driver and create the VFs again, or give guests VFs of another PF")
        }
    }

    private func driver() -> [Finding] {
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

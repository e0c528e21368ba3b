// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// Whether the IOMMU is on, and if not, why.
    func iommu() -> [Finding] {
        guard hasIOMMU else { return [missingIOMMU()] }
        let name =
            switch host.iommu.kind {
            case .intelVTd: "VT-d"
            case .amdVi: "AMD-Vi"
            case .smmu: "the SMMU"
            case .other, nil: "the IOMMU"
            }
        return [Finding(.ok, "iommu-on", "\(name) is on: \(host.iommuGroups.count) IOMMU groups")] + translation()
    }

    /// With `iommu=pt` the host's own devices need no translation. Guests are isolated in both cases.
    ///
    /// Source: `iommu.passthrough`, Documentation/admin-guide/kernel-parameters.txt.
    private func translation() -> [Finding] {
        let translated = host.iommuGroups.filter { $0.type?.hasPrefix("DMA") ?? false }
        let forced = ["iommu=pt", "iommu.passthrough=1"].contains { hasWord($0) }
        guard !translated.isEmpty, !forced, platform.kernelCommandLine != nil else { return [] }
        return [
            Finding(
                .advice, "iommu-translates-host-dma",
                "DMA of the host's own devices is translated by the IOMMU too (\(translated.count) groups)",
                why:
                    "each packet of a PF with a host driver costs a mapping. iommu=pt avoids that, but the host is then not "
                    + "protected from a faulty host driver. Guests are isolated in both cases",
                remedy: boot(adding: "iommu=pt"))
        ]
    }

    private func missingIOMMU() -> Finding {
        let why = "without an IOMMU a guest's device could write to all of the host's memory, so VFIO refuses"
        func blocker(_ code: String, _ what: String, _ remedy: String) -> Finding {
            Finding(.blocker, code, what, why: why, remedy: remedy)
        }
        if host.iommu.enabled {
            return blocker(
                "iommu-made-up", "VFIO works without an IOMMU and invents groups (enable_unsafe_noiommu_mode)",
                "switch on the IOMMU, and remove enable_unsafe_noiommu_mode from modprobe.d or the kernel command line")
        }
        // 1. Switched off on the command line, whatever the firmware offers.
        if let word = Self.offWords.first(where: hasWord) {
            return blocker(
                "iommu-off-on-command-line", "the kernel command line switches the IOMMU off: \(word)",
                boot(removing: word))
        }
        // 2. The firmware offers one: the kernel leaves it off.
        if platform.firmwareTables?.contains(.dmar) == true {
            guard !hasWord("intel_iommu=on") else {
                return blocker(
                    "iommu-not-started",
                    "the firmware offers VT-d and intel_iommu=on is set, but the kernel did not start it",
                    "journalctl -k -g DMAR shows why; the kernel needs CONFIG_INTEL_IOMMU")
            }
            return blocker(
                "iommu-not-on-command-line", "the firmware offers VT-d, but the kernel leaves it off",
                boot(adding: "intel_iommu=on"))
        }
        if platform.firmwareTables?.contains(.ivrs) == true {
            return blocker(
                "iommu-not-started", "the firmware offers AMD-Vi, but the kernel did not start it",
                "journalctl -k -g AMD-Vi shows why; the kernel needs CONFIG_AMD_IOMMU")
        }
        if platform.firmwareTables?.isDisjoint(with: [.iort, .viot]) == false {
            return blocker(
                "iommu-not-started", "the firmware announces an IOMMU, but the kernel did not start it",
                "journalctl -k -g iommu shows why; the kernel needs CONFIG_ARM_SMMU_V3 or CONFIG_VIRTIO_IOMMU")
        }
        // 3. The firmware offers none.
        guard platform.firmwareTables != nil else {
            return blocker("iommu-off", "the kernel shows no IOMMU group", firmwareRemedy)
        }
        return blocker(
            platform.isVirtualMachine == true ? "iommu-not-emulated" : "iommu-off-in-firmware",
            platform.isVirtualMachine == true
                ? "this host is a virtual machine without an IOMMU" : "the firmware offers no IOMMU",
            firmwareRemedy)
    }

    /// Source: Documentation/admin-guide/kernel-parameters.txt.
    private static let offWords = ["iommu=off", "intel_iommu=off", "amd_iommu=off"]

    private var firmwareRemedy: String {
        if platform.isVirtualMachine == true {
            return "add to this machine (q35) the device <iommu model='intel'><driver intremap='on' caching_mode='on'/>"
                + "</iommu>, and boot it with intel_iommu=on"
        }
        switch platform.processor {
        case .intel:
            return "switch on VT-d (Intel VT for Directed I/O) in the firmware setup, then "
                + boot(adding: "intel_iommu=on")
        case .amd: return "switch on IOMMU (AMD-Vi; on some boards under NBIO or SVM) in the firmware setup, and reboot"
        case .other: return "switch on the SMMU in the firmware setup, and reboot"
        case nil:
            return "switch on VT-d or AMD-Vi in the firmware setup; on Intel then " + boot(adding: "intel_iommu=on")
        }
    }
}

extension Examination {
    /// Whether interrupts are remapped by the IOMMU as well.
    ///
    /// Source: `vfio_iommu_type1_attach_group`, drivers/vfio/vfio_iommu_type1.c: EPERM without it.
    func interrupts() -> [Finding] {
        guard hasIOMMU, let remapped = platform.interruptRemapping else { return [] }
        guard !remapped else { return [Finding(.ok, "interrupt-remapping-on", "interrupt remapping is on")] }
        if platform.allowsUnsafeInterrupts == true {
            return [
                Finding(
                    .warning, "interrupts-unsafe",
                    "interrupt remapping is off, and VFIO works without it (allow_unsafe_interrupts)",
                    why: "a guest with a device can send any interrupt to the host", remedy: remappingRemedy)
            ]
        }
        return [
            Finding(
                .blocker, "interrupt-remapping-off", "interrupt remapping is off",
                why: "a guest with a device could send any interrupt to the host, so VFIO refuses",
                remedy: remappingRemedy
            )
        ]
    }

    private var remappingRemedy: String {
        if let word = ["nointremap", "intremap=off"].first(where: hasWord) { return boot(removing: word) }
        if platform.isVirtualMachine == true {
            return "set <driver intremap='on'/> in this machine's <iommu>, and add <ioapic driver='qemu'/>"
        }
        return
            "switch on x2APIC and interrupt remapping in the firmware setup; if the board has none and you trust every "
            + "guest: echo 'options vfio_iommu_type1 allow_unsafe_interrupts=1' > /etc/modprobe.d/vfio.conf"
    }
}

extension Examination {
    func hasWord(_ word: String) -> Bool {
        guard let words = platform.kernelCommandLine else { return false }
        let (key, value) = word.keyAndValue
        // One word may carry several values: intel_iommu=on,sm_on.
        return words.contains { candidate in
            let given = candidate.keyAndValue
            return given.key == key && (value.isEmpty || given.value.split(separator: ",").contains { $0 == value })
        }
    }

    private func boot(adding word: String) -> String {
        switch platform.bootLoader {
        case .updateGrub: "add \(word) to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub && reboot"
        case .grubby: "grubby --update-kernel=ALL --args=\(word) && reboot"
        case .commandLineFile:
            "add \(word) to /etc/kernel/cmdline, then kernel-install add-all (Proxmox: proxmox-boot-tool refresh), and reboot"
        case nil: "add \(word) to the kernel command line and reboot"
        }
    }

    private func boot(removing word: String) -> String {
        switch platform.bootLoader {
        case .updateGrub: "remove \(word) from /etc/default/grub, then update-grub && reboot"
        case .grubby: "grubby --update-kernel=ALL --remove-args=\(word) && reboot"
        case .commandLineFile:
            "remove \(word) from /etc/kernel/cmdline, then kernel-install add-all (Proxmox: proxmox-boot-tool refresh), "
                + "and reboot"
        case nil: "remove \(word) from the kernel command line and reboot"
        }
    }
}

extension String {
    /// `iommu=pt` as `iommu` and `pt`; without `=` the value is empty.
    fileprivate var keyAndValue: (key: Substring, value: Substring) {
        let parts = split(separator: "=", maxSplits: 1)
        return (parts.first ?? "", parts.dropFirst().first ?? "")
    }
}

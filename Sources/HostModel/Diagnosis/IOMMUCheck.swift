// SPDX-License-Identifier: GPL-3.0-or-later

/// Whether the IOMMU is on, and if not, why.
struct IOMMUCheck {
    let host: HostSnapshot
    let platform: PlatformFacts
    let commandLine: KernelCommandLine

    /// Whether there is a real IOMMU: VFIO can also create groups without one.
    var isOn: Bool { host.iommu.enabled && !(platform.makesUpGroups == true && host.iommu.kind == nil) }

    var findings: [Finding] {
        guard isOn else { return [missingIOMMU()] }
        let name =
            switch host.iommu.kind {
            case .intelVTd: "VT-d"
            case .amdVi: "AMD-Vi"
            case .smmu: "the SMMU"
            case .other, nil: "the IOMMU"
            }
        return [Finding(.ok, "iommu-on", "\(name) is on: \(host.iommuGroups.count) IOMMU groups")] + translation()
            + feignedIsolation()
    }

    /// A patch of some kernels treats ports as if they had ACS.
    private func feignedIsolation() -> [Finding] {
        guard let word = commandLine.words?.first(where: { $0.hasPrefix("pcie_acs_override") }) else { return [] }
        return [
            Finding(
                .warning, "acs-overridden", "the kernel command line makes IOMMU groups smaller than they are: \(word)",
                why:
                    "functions in different groups can reach each other's memory although no group shows it: a guest can "
                    + "read and write another guest's data",
                remedy: commandLine.boot(removing: word))
        ]
    }

    /// With `iommu=pt` the host's own devices need no translation. Guests are isolated in both cases.
    ///
    /// Source: `iommu.passthrough`, Documentation/admin-guide/kernel-parameters.txt.
    private func translation() -> [Finding] {
        let translated = host.iommuGroups.filter { $0.type?.hasPrefix("DMA") ?? false }
        let forced = ["iommu=pt", "iommu.passthrough=1"].contains { commandLine.has($0) }
        guard !translated.isEmpty, !forced, commandLine.words != nil else { return [] }
        return [
            Finding(
                .advice, "iommu-translates-host-dma",
                "DMA of the host's own devices is translated by the IOMMU too (\(translated.count) groups)",
                why:
                    "each packet of a PF with a host driver costs a mapping. iommu=pt avoids that, but the host is then not "
                    + "protected from a faulty host driver. Guests are isolated in both cases",
                remedy: commandLine.boot(adding: "iommu=pt"))
        ]
    }

    private func missingIOMMU() -> Finding {
        let why = "without an IOMMU a guest's device could write to all of the host's memory, so VFIO refuses"
        func blocker(_ code: String, _ what: String, _ remedy: String) -> Finding {
            Finding(.blocker, code, what, why: why, remedy: remedy)
        }
        if host.iommu.enabled || host.iommuGroups.contains(where: \.isNoIOMMU) {
            return blocker(
                "iommu-made-up", "VFIO works without an IOMMU and invents groups (enable_unsafe_noiommu_mode)",
                "switch on the IOMMU, and remove enable_unsafe_noiommu_mode from modprobe.d or the kernel command line")
        }
        // 1. Switched off on the command line, whatever the firmware offers.
        if let word = Self.offWords.first(where: commandLine.has) {
            return blocker(
                "iommu-off-on-command-line", "the kernel command line switches the IOMMU off: \(word)",
                commandLine.boot(removing: word))
        }
        // 2. The firmware offers one: the kernel leaves it off.
        if platform.firmwareTables?.contains(.dmar) == true {
            guard !commandLine.has("intel_iommu=on") else {
                return blocker(
                    "iommu-not-started",
                    "the firmware offers VT-d and intel_iommu=on is set, but the kernel did not start it",
                    "journalctl -k -g DMAR shows why; the kernel needs CONFIG_INTEL_IOMMU")
            }
            return blocker(
                "iommu-not-on-command-line", "the firmware offers VT-d, but the kernel leaves it off",
                commandLine.boot(adding: "intel_iommu=on"))
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
        if case .other(let name)? = platform.hypervisor {
            return
                "this host runs on \(name): give it an emulated IOMMU there, if \(name) has one, or use a physical host"
        }
        if platform.isVirtualMachine == true {
            guard platform.hypervisor == .kvm else {
                return "give this virtual machine an emulated IOMMU, if its hypervisor has one, or use a physical host"
            }
            return "add to this machine (q35) the device <iommu model='intel'><driver intremap='on' caching_mode='on'/>"
                + "</iommu>, and boot it with intel_iommu=on"
        }
        switch platform.processor {
        case .intel:
            return "switch on VT-d (Intel VT for Directed I/O) in the firmware setup, then "
                + commandLine.boot(adding: "intel_iommu=on")
        case .amd: return "switch on IOMMU (AMD-Vi; on some boards under NBIO or SVM) in the firmware setup, and reboot"
        case .other: return "switch on the SMMU in the firmware setup, and reboot"
        case nil:
            return "switch on VT-d or AMD-Vi in the firmware setup; on Intel then "
                + commandLine.boot(adding: "intel_iommu=on")
        }
    }
}

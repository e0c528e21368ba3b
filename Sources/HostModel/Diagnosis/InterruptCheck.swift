// SPDX-License-Identifier: GPL-3.0-or-later

/// Whether the IOMMU remaps interrupts too.
///
/// Source: `vfio_iommu_type1_attach_group`, drivers/vfio/vfio_iommu_type1.c: EPERM without it.
struct InterruptCheck {
    let platform: PlatformFacts
    let commandLine: KernelCommandLine

    var findings: [Finding] {
        guard let remapped = platform.interruptRemapping else { return [] }
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
        if let word = ["nointremap", "intremap=off"].first(where: commandLine.has) {
            return commandLine.boot(removing: word)
        }
        if platform.isVirtualMachine == true, platform.hypervisor != .kvm {
            return "switch on interrupt remapping in this machine's emulated IOMMU, if its hypervisor has it"
        }
        if platform.isVirtualMachine == true {
            return "set <driver intremap='on'/> in this machine's <iommu>, and add <ioapic driver='qemu'/>"
        }
        return
            "switch on x2APIC and interrupt remapping in the firmware setup; if the board has none and you trust every "
            + "guest: echo 'options vfio_iommu_type1 allow_unsafe_interrupts=1' > /etc/modprobe.d/vfio.conf"
    }
}

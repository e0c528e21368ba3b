// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// Files by which others set up the functions that Buslane hands out.
    func rivals() -> [Finding] {
        var found = platform.rivals.map { rival in
            Finding(
                .warning, rival.kind.code, subject: rival.place, "\(rival.place): \(rival.text.excerpt)",
                why: rival.kind.harm, remedy: remedy(for: rival))
        }
        if let word = platform.kernelCommandLine?.first(where: { $0.isVFIOIDs }) {
            found.append(
                Finding(
                    .warning, PlatformFacts.Rival.Kind.modprobe.code, subject: "kernel command line",
                    "kernel command line: \(word.excerpt)", why: PlatformFacts.Rival.Kind.modprobe.harm,
                    remedy: "take \(word) out of the kernel command line and reboot"))
        }
        return found
    }

    private func remedy(for rival: PlatformFacts.Rival) -> String {
        let file = rival.file
        switch rival.kind {
        case .networkManager:
            return
                "take the [sriov] section out of \(file), then nmcli connection reload; declare the VFs in buslane.yaml"
        case .netplan: return "take the line out of \(file), then netplan generate; declare the VFs in buslane.yaml"
        case .systemdNetwork: return "take the SR-IOV lines out of \(file); declare the VFs in buslane.yaml"
        case .driverctl:
            let name = rival.file.split(separator: "/").last.map(String.init) ?? rival.file
            return "driverctl unset-override \(name.hasPrefix("pci-") ? String(name.dropFirst(4)) : name)"
        case .libvirtNetwork:
            let name = rival.file.split(separator: "/").last.map { $0.hasSuffix(".xml") ? $0.dropLast(4) : $0 } ?? ""
            return "virsh net-destroy \(name) && virsh net-undefine \(name), or keep its card out of Buslane's pools"
        case .udevRule:
            return "take the line out of \(file), then udevadm control --reload; declare the VFs in buslane.yaml"
        case .modprobe: return "take the line out of \(file) and reboot (update-initramfs -u first, where there is one)"
        case .script: return "take the line out of \(file); declare the VFs in buslane.yaml"
        }
    }
}

extension PlatformFacts.Rival {
    /// `/etc/netplan/01.yaml:7`.
    fileprivate var place: String { file + (line.map { ":\($0)" } ?? "") }
}

extension PlatformFacts.Rival.Kind {
    fileprivate var code: String {
        switch self {
        case .networkManager: "rival-networkmanager"
        case .netplan: "rival-netplan"
        case .systemdNetwork: "rival-systemd"
        case .driverctl: "rival-driverctl"
        case .libvirtNetwork: "rival-libvirt-network"
        case .udevRule: "rival-udev"
        case .modprobe: "rival-modprobe"
        case .script: "rival-script"
        }
    }

    fileprivate var harm: String {
        switch self {
        case .networkManager:
            "NetworkManager sets the VF count at each activation, and to 0 at deactivation: VFs in use vanish"
        case .netplan, .systemdNetwork, .udevRule, .script:
            "it sets up VFs at boot or on each event, behind Buslane's back: counts and settings do not stay"
        case .driverctl: "the override comes back at each boot and add event, and takes the function from its owner"
        case .libvirtNetwork: "libvirt picks VFs for this network by itself: one function, two owners"
        case .modprobe:
            "the module decides at load: every function with that ID, or that many VFs, before Buslane looks"
        }
    }
}

extension String {
    fileprivate var isVFIOIDs: Bool { hasPrefix("vfio-pci.ids=") || hasPrefix("vfio_pci.ids=") }

    /// Short enough to stand in a line.
    fileprivate var excerpt: String { count > 72 ? prefix(71) + "…" : self }
}

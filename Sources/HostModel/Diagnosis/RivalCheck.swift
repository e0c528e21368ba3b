// SPDX-License-Identifier: GPL-3.0-or-later

/// Configuration of other software that sets up functions.
struct RivalCheck {
    let rivals: [PlatformFacts.Rival]
    let commandLine: KernelCommandLine

    var findings: [Finding] {
        var found = rivals.map { rival in
            Finding(
                .warning, rival.kind.code, subject: rival.place, "\(rival.place): \(rival.text.excerpt)",
                why: rival.kind.harm, remedy: remedy(for: rival))
        }
        for word in commandLine.words ?? [] where word.isVFIOIDs || word.makesVFs {
            found.append(
                Finding(
                    .warning, PlatformFacts.Rival.Kind.modprobe.code, subject: "kernel command line",
                    "kernel command line: \(word.excerpt)", why: PlatformFacts.Rival.Kind.modprobe.harm,
                    remedy: commandLine.boot(removing: word)))
        }
        return found
    }

    private func remedy(for rival: PlatformFacts.Rival) -> String {
        let file = rival.file
        switch rival.kind {
        case .networkManager:
            return
                "remove the [sriov] section from \(file), then nmcli connection reload; declare the VFs in buslane.yaml"
        case .netplan: return "remove the line from \(file), then netplan generate; declare the VFs in buslane.yaml"
        case .systemdNetwork: return "remove the SR-IOV lines from \(file); declare the VFs in buslane.yaml"
        case .driverctl:
            let name = rival.file.split(separator: "/").last.map(String.init) ?? rival.file
            return "driverctl unset-override " + (name.hasPrefix("pci-") ? String(name.dropFirst(4)) : name).shellWord
        case .libvirtNetwork:
            let file = rival.file.split(separator: "/").last.map { $0.hasSuffix(".xml") ? $0.dropLast(4) : $0 } ?? ""
            let name = String(file).shellWord
            return "virsh net-destroy \(name) && virsh net-undefine \(name), or exclude its PF from Buslane's pools"
        case .udevRule:
            return "remove the line from \(file), then udevadm control --reload; declare the VFs in buslane.yaml"
        case .modprobe:
            return "remove the line from \(file) and reboot (if there is an initramfs, run update-initramfs -u first)"
        case .script: return "remove the line from \(file); declare the VFs in buslane.yaml"
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
            "NetworkManager sets the VF count when it activates the connection, and to 0 when it deactivates it: VFs that "
                + "are in use vanish"
        case .netplan, .systemdNetwork, .udevRule, .script:
            "it sets up VFs at boot or on each event, without Buslane: counts and settings change"
        case .driverctl:
            "driverctl sets the override again at each boot and add event, and takes the function from its owner"
        case .libvirtNetwork: "libvirt chooses VFs for this network itself: one function can get two owners"
        case .modprobe:
            "the module binds all functions with that ID, or creates that many VFs, when it is loaded, before Buslane runs"
        }
    }
}

extension String {
    /// `igb.max_vfs=7`.
    fileprivate var makesVFs: Bool {
        let parts = split(separator: ".", maxSplits: 1)
        return parts.count == 2 && PlatformFacts.Rival.makesVFs(option: parts[1], ofModule: parts[0])
    }

    fileprivate var isVFIOIDs: Bool { hasPrefix("vfio-pci.ids=") || hasPrefix("vfio_pci.ids=") }

    /// Shortened to fit into a line.
    fileprivate var excerpt: String { count > 72 ? prefix(71) + "…" : self }
}

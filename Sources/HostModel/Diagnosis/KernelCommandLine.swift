// SPDX-License-Identifier: GPL-3.0-or-later

/// The kernel command line, and how to change it.
struct KernelCommandLine {
    /// Word by word; nil when it is unknown.
    let words: [String]?
    private let bootLoader: PlatformFacts.BootLoader?

    init(of platform: PlatformFacts) {
        words = platform.kernelCommandLine
        bootLoader = platform.bootLoader
    }

    /// Whether it has a word. One word can carry several values: `intel_iommu=on` is also in `intel_iommu=on,sm_on`.
    func has(_ word: String) -> Bool {
        guard let words else { return false }
        let (key, value) = word.keyAndValue
        return words.contains { candidate in
            let given = candidate.keyAndValue
            return given.key == key && (value.isEmpty || given.value.split(separator: ",").contains { $0 == value })
        }
    }

    /// The remedy: add a word, and reboot.
    func boot(adding word: String) -> String {
        switch bootLoader {
        case .updateGrub: "add \(word) to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub && reboot"
        case .grubby: "grubby --update-kernel=ALL --args=\(word) && reboot"
        case .commandLineFile:
            "add \(word) to /etc/kernel/cmdline, then kernel-install add-all (Proxmox: proxmox-boot-tool refresh), and reboot"
        case nil: "add \(word) to the kernel command line and reboot"
        }
    }

    /// The remedy: remove a word, and reboot.
    func boot(removing word: String) -> String {
        switch bootLoader {
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

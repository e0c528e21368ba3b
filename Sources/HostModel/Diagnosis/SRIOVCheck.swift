// SPDX-License-Identifier: GPL-3.0-or-later

/// Functions with the SR-IOV capability.
struct SRIOVCheck {
    let host: HostSnapshot
    let platform: PlatformFacts

    var findings: [Finding] { darkPorts() + uncuttable() + withoutMemory() + rivalDrivers() }

    /// A VF has a link only while its PF's interface is up; libvirt refuses to start a guest with one otherwise.
    private func darkPorts() -> [Finding] {
        host.functions.flatMap { function -> [Finding] in
            guard let sriov = function.sriov else { return [] }
            let ports = function.vfPorts
            // By port: the VFs that have no link because it is down.
            let dark = Dictionary(grouping: 0..<max(sriov.vfCount, 1)) { ports.downPort(ofVF: $0)?.name }
            return dark.sorted { $0.value[0] < $1.value[0] }.compactMap { port, vfs in
                port.map { darkPort($0, vfs: vfs.count, of: function, sriov) }
            }
        }
    }

    private func darkPort(_ port: String, vfs: Int, of function: Function, _ sriov: SRIOV) -> Finding {
        let inUse = sriov.vfCount > 0
        let those = vfs == sriov.vfCount ? "its \(vfs) VFs have" : "\(vfs) of its \(sriov.vfCount) VFs have"
        return Finding(
            inUse ? .warning : .advice, "pf-down", subject: "\(function.address)",
            "\(port) of \(function.address) is down, and "
                + (inUse ? "\(those) no link" : "it can have \(sriov.totalVFs) VFs"),
            why:
                "a VF has no link while its PF is down, and libvirt refuses to start a guest with it: \"PF is not online\"",
            remedy:
                "ip link set \(port.shellWord) up, or declare the PF in /etc/buslane/buslane.yaml and run buslane apply"
        )
    }

    /// Functions whose firmware or driver provides no VFs although they have the capability.
    private func uncuttable() -> [Finding] {
        platform.functionsOfferingNoVFs.map { address in
            let isMellanox = host[address]?.identity.vendor == 0x15b3
            return Finding(
                .advice, "pf-without-vfs", subject: "\(address)",
                "\(address) has the SR-IOV capability but offers no VFs",
                why: "SR-IOV is disabled in the card's firmware, or the driver does not support it",
                remedy: isMellanox
                    ? "mlxconfig -d \(address) set SRIOV_EN=1 NUM_OF_VFS=8, then power-cycle the host"
                    : "enable SR-IOV in the firmware setup, of the host and of the card, and reboot")
        }
    }

    /// PFs whose VFs have no memory: the host's firmware switched SR-IOV off, or had no room.
    private func withoutMemory() -> [Finding] {
        host.functions.filter { $0.sriov?.hasVFMemory == false && $0.sriov?.vfCount == 0 }.map { function in
            Finding(
                .warning, "no-vf-memory", subject: "\(function.address)",
                "the VFs of \(function.address) have no memory addresses",
                why: "the kernel then makes no VF: \"not enough MMIO resources for SR-IOV\"",
                remedy: SRIOV.memoryRemedy)
        }
    }

    /// VFs that get a host driver as they appear: NetworkManager then configures them.
    private func rivalDrivers() -> [Finding] {
        guard platform.networkManagerTakesEverything else { return [] }
        let exposed = host.functions.filter { function in
            function.isEthernet && (function.sriov.map { $0.vfCount > 0 && $0.driversAutoprobe == true } ?? false)
        }
        guard !exposed.isEmpty else { return [] }
        return [
            Finding(
                .warning, "networkmanager-takes-vfs", subject: "NetworkManager",
                "NetworkManager configures every VF that has a host driver: \(exposed.map(\.address).listed)",
                why: "it sets the VF up and starts DHCP; the VF then counts as used by the host and cannot be claimed",
                remedy: "declare the PF with driversAutoprobe: false, or add to "
                    + "/etc/NetworkManager/conf.d/buslane.conf: [keyfile] unmanaged-devices=interface-name:*v[0-9]*")
        ]
    }
}

extension SRIOV {
    /// For a PF whose VFs have no memory.
    static let memoryRemedy =
        "enable SR-IOV and decoding above 4 GiB in the host's firmware setup; if they are on, boot with pci=realloc"
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// Cards that can be cut up, or should be able to be.
    func cards() -> [Finding] { darkPorts() + uncuttable() + rivalDrivers() }

    /// A VF has a link only while its PF's interface is up; libvirt refuses to start a guest with one otherwise.
    private func darkPorts() -> [Finding] {
        host.functions.compactMap { function in
            guard let sriov = function.sriov, let interface = function.interfaces.first,
                !function.interfaces.contains(where: \.isAdministrativelyUp)
            else { return nil }
            let inUse = sriov.vfCount > 0
            return Finding(
                inUse ? .warning : .advice, "pf-down", subject: "\(function.address)",
                "\(interface.name) of \(function.address) is down, and "
                    + (inUse ? "\(sriov.vfCount) VFs hang on it" : "it can be cut into \(sriov.totalVFs) VFs"),
                why: "a VF has no link while its PF is down, and libvirt refuses it: \"PF is not online\"",
                remedy:
                    "ip link set \(interface.name) up, or declare the PF in /etc/buslane/buslane.yaml and buslane apply"
            )
        }
    }

    /// The capability is there, and the card's firmware or its driver grants no VFs.
    private func uncuttable() -> [Finding] {
        platform.functionsOfferingNoVFs.map { address in
            let isMellanox = host[address]?.identity.vendor == 0x15b3
            return Finding(
                .advice, "pf-without-vfs", subject: "\(address)",
                "\(address) has the SR-IOV capability but offers no VFs",
                why: "SR-IOV is off in the card's firmware, or its driver allows none",
                remedy: isMellanox
                    ? "mlxconfig -d \(address) set SRIOV_EN=1 NUM_OF_VFS=8, then power-cycle the host"
                    : "switch on SR-IOV in the firmware setup, for the host and for the card, and reboot")
        }
    }

    /// VFs that the kernel binds a host driver to as they appear: network daemons then configure them.
    private func rivalDrivers() -> [Finding] {
        guard platform.networkManagerTakesEverything else { return [] }
        let exposed = host.functions.filter { function in
            function.isNetwork && (function.sriov.map { $0.vfCount > 0 && $0.driversAutoprobe == true } ?? false)
        }
        guard !exposed.isEmpty else { return [] }
        return [
            Finding(
                .warning, "networkmanager-takes-vfs", subject: "NetworkManager",
                "NetworkManager takes every VF that gets a host driver: \(list(exposed.map(\.address)))",
                why: "it brings the VF up and asks for DHCP, and the VF counts as used by the host",
                remedy: "declare the PF with driversAutoprobe: false; or in "
                    + "/etc/NetworkManager/conf.d/buslane.conf: [keyfile] unmanaged-devices=interface-name:*v[0-9]*")
        ]
    }
}

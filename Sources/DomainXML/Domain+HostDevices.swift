// SPDX-License-Identifier: GPL-3.0-or-later

extension Domain {
    /// Devices of the host that are no PCI functions, and whose state libvirt and QEMU may be unable to migrate: mediated
    /// devices, SCSI, capabilities and vDPA. Each by its place and type: `<hostdev> at line 12 (mdev)`.
    ///
    /// USB devices are not among them: QEMU opens them again on the other host.
    ///
    /// Source: `qemuMigrationSrcIsAllowedHostdev`, qemu_migration.c.
    public var otherHostDevices: [String] {
        document.root.all("devices").flatMap(\.children).compactMap { device in
            guard device.namespace == nil, let type = device["type"] else { return nil }
            let isOther =
                switch device.name {
                case "hostdev": device["mode"] == "capabilities" || !["pci", "usb"].contains(type)
                case "interface": type == "vdpa"
                case "disk": type == "vhostvdpa"
                default: false
                }
            return isOther ? "\(device.label) (\(type))" : nil
        }
    }
}

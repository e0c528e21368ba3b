// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// What the IOMMU isolates; none when it is off.
    ///
    /// Source: Documentation/ABI/testing/sysfs-kernel-iommu_groups.
    func iommuGroups(_ pass: inout ReadPass) -> [IOMMUGroup] {
        guard let folder = try? Directory(paths.iommuGroups), let names = try? folder.names() else { return [] }
        let devices = Set((try? Directory(paths.vfioGroupDevices).names()) ?? [])
        return names.compactMap { name -> IOMMUGroup? in
            guard let id = SysfsText.count(name), let home = try? Directory(name, in: folder) else { return nil }
            // A group goes when its last device does; nothing to say of it then.
            guard let members = try? functions(inGroup: home) else { return nil }
            let type = try? pass.text("type", in: home, of: "IOMMU group \(id)")
            return IOMMUGroup(
                id: id, type: type, functions: members, device: devices.contains(name) ? paths.groupDevice(id) : nil)
        }
    }

    /// The PCI functions of a group, in address order. Others may be in it too, such as platform devices.
    func functions(inGroup home: borrowing Directory) throws(Errno) -> [PCIAddress] {
        try Directory("devices", in: home).names().compactMap { try? PCIAddress($0) }.sorted()
    }

    /// By the names that the drivers give their units: `dmar0`, `ivhd0`, `smmu3.0x…`.
    func iommuKind() -> IOMMU.Kind? {
        guard let names = try? Directory(paths.iommuClass).names(), !names.isEmpty else { return nil }
        if names.contains(where: { $0.hasPrefix("dmar") }) { return .intelVTd }
        if names.contains(where: { $0.hasPrefix("ivhd") }) { return .amdVi }
        if names.contains(where: { $0.contains("smmu") }) { return .smmu }
        return .other
    }
}

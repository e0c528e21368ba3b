// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// What the IOMMU isolates, with the members as their own links tell them; none when it is off.
    ///
    /// Source: Documentation/ABI/testing/sysfs-kernel-iommu_groups.
    func iommuGroups(of walk: Walk, _ pass: inout ReadPass) -> [IOMMUGroup] {
        guard let folder = try? Directory(paths.iommuGroups), let names = try? folder.names() else { return [] }
        let devices = Set((try? Directory(paths.vfioGroupDevices).names()) ?? [])
        var members: [Int: [PCIAddress]] = [:]
        for function in walk.functions {
            if let group = function.iommuGroup { members[group, default: []].append(function.address) }
        }
        for (address, group) in walk.leftOut { members[group, default: []].append(address) }
        return names.compactMap { name -> IOMMUGroup? in
            guard let id = SysfsText.count(name) else { return nil }
            return IOMMUGroup(
                id: id, type: groupType(name, in: folder, &pass), functions: (members[id] ?? []).sorted(),
                device: devices.contains(name) ? paths.groupDevice(id) : nil)
        }
    }

    /// The default domain's type; nil when it is not told. A group goes when its last device does.
    func groupType(_ name: String, in folder: borrowing Directory, _ pass: inout ReadPass) -> String? {
        do {
            return try pass.contents(of: name + "/type", in: folder)
        } catch {
            if error != .noSuchFileOrDirectory { pass.warn("IOMMU group \(name): cannot read type: \(error)") }
            return nil
        }
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

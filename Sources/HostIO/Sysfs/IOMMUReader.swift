// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads the IOMMU's kind and its groups.
///
/// Source: Documentation/ABI/testing/sysfs-kernel-iommu_groups.
struct IOMMUReader {
    let paths: HostPaths

    /// All groups, those that the kernel lists and those that a function's link names; none when the IOMMU is off.
    ///
    /// The members are those whose own links name the group. A captured tree can have the links without the list.
    func groups(of walk: BusReader.Walk, _ pass: inout ReadPass) -> [IOMMUGroup] {
        let listed = types(&pass)
        let devices = Set((try? Directory(paths.vfioGroupDevices).names()) ?? [])
        var members: [Int: [PCIAddress]] = [:]
        members.reserveCapacity(listed.count)
        for function in walk.functions {
            if let group = function.iommuGroup { members[group, default: []].append(function.address) }
        }
        for (address, group) in walk.leftOut { members[group, default: []].append(address) }
        let ids = Set(listed.keys).union(members.keys).sorted()
        let unprotected = noIOMMUGroups(among: ids, devices, &pass)
        return ids.map { id in
            IOMMUGroup(
                id: id, type: listed[id].flatMap(\.self), functions: (members[id] ?? []).sorted(),
                device: devices.contains(String(id)) ? paths.groupDevice(id) : nil,
                isNoIOMMU: unprotected.contains(id))
        }
    }

    /// A group that did not exist when the host was read, without its members.
    func group(_ id: Int) -> IOMMUGroup {
        var pass = ReadPass()
        let name = String(id)
        var type: String?
        let devices = Set((try? Directory(paths.vfioGroupDevices).names()) ?? [])
        if let folder = try? Directory(paths.iommuGroups) { type = Self.type(ofGroup: name, in: folder, &pass) }
        return IOMMUGroup(
            id: id, type: type, functions: [], device: devices.contains(name) ? paths.groupDevice(id) : nil,
            isNoIOMMU: !noIOMMUGroups(among: [id], devices, &pass).isEmpty)
    }

    /// The groups that VFIO made up for functions that no IOMMU isolates.
    ///
    /// Their names are read only where there can be such groups: one file for each group.
    ///
    /// Source: `vfio_noiommu_group_alloc` and `vfio_group_create`, drivers/vfio/.
    private func noIOMMUGroups(among ids: [Int], _ devices: Set<String>, _ pass: inout ReadPass) -> Set<Int> {
        let mode = pass.contents(ofFile: paths.parameter("enable_unsafe_noiommu_mode", ofModule: "vfio"))
        guard kind() == nil || mode.flatMap(SysfsText.parameter) == true else { return [] }
        var found: Set<Int> = []
        for id in ids {
            let label = pass.contents(ofFile: paths.iommuGroups + "/\(id)/name")
            if label == "vfio-noiommu" || devices.contains("noiommu-\(id)") { found.insert(id) }
        }
        return found
    }

    /// The groups that the kernel lists, with the type of each: a file each, and a host can have thousands.
    private func types(_ pass: inout ReadPass) -> [Int: String?] {
        guard let folder = try? Directory(paths.iommuGroups), let names = try? folder.names() else { return [:] }
        let loan = folder.loan
        let types = Cores.map(names) { names, pass in
            let folder = Directory(loan)
            return names.map { name in
                let type = Self.type(ofGroup: name, in: folder, &pass)
                return (type: type, warnings: pass.takeWarnings())
            }
        }
        for warning in types.flatMap(\.warnings) { pass.warn(warning) }
        let numbered = zip(names, types).compactMap { name, type in SysfsText.count(name).map { ($0, type.type) } }
        return Dictionary(numbered, uniquingKeysWith: { first, _ in first })
    }

    /// The type of a group's default domain; nil when the kernel does not report it.
    private static func type(
        ofGroup name: String, in folder: borrowing Directory, _ pass: inout ReadPass
    ) -> String? {
        do {
            return try pass.contents(of: name + "/type", in: folder)
        } catch {
            // The kernel removes a group with its last device.
            if error != .noSuchFileOrDirectory { pass.warn("IOMMU group \(name): cannot read type: \(error)") }
            return nil
        }
    }

    /// Derived from the names that the drivers give their units: `dmar0`, `ivhd0`, `smmu3.0x…`.
    func kind() -> IOMMU.Kind? {
        guard let names = try? Directory(paths.iommuClass).names(), !names.isEmpty else { return nil }
        if names.contains(where: { $0.hasPrefix("dmar") }) { return .intelVTd }
        if names.contains(where: { $0.hasPrefix("ivhd") }) { return .amdVi }
        if names.contains(where: { $0.contains("smmu") }) { return .smmu }
        return .other
    }
}

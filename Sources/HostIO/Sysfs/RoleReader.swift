// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads whether a function is a PF, a VF or neither.
struct RoleReader {
    /// Whether to read a PF's links to its VFs.
    let readsPlaces: Bool

    /// Stores the role. A VF is unplaced: its place on its PF is not known yet.
    ///
    /// - Throws: when the function is removed while it is read.
    func readRole(
        into reading: inout FunctionReading, _ home: borrowing Directory, _ locked: LockedFacts,
        _ pass: inout ReadPass
    ) throws(Vanished) {
        let subject = reading.function.address.description
        switch try owner(of: home, subject, &pass) {
        case .none: break
        case .some(nil):
            reading.function.role = .unplacedVirtualFunction(of: nil)
            return
        case .some(.some(let physical)):
            reading.owner = physical
            reading.function.role = .unplacedVirtualFunction(of: physical)
            return
        }
        let total = try pass.value("sriov_totalvfs", in: home, of: subject) { SysfsText.count($0, upTo: VFLinks.most) }
        guard let total, total > 0 else { return }
        let count = locked.vfCount
        let places =
            readsPlaces
            ? VFLinks(physical: reading.function.address).places(inFolderOfPF: home, count: count ?? 0, &pass) : []
        reading.places = Dictionary(places, uniquingKeysWith: { first, _ in first })
        reading.function.role = .physicalFunction(
            SRIOV(
                totalVFs: total, vfCount: count ?? places.count,
                offset: try pass.value("sriov_offset", in: home, of: subject, SysfsText.count),
                stride: try pass.value("sriov_stride", in: home, of: subject, SysfsText.count),
                // Hexadecimal without a prefix. Source: `sriov_vf_device_show`, drivers/pci/iov.c.
                vfDevice: try pass.value("sriov_vf_device", in: home, of: subject, SysfsText.hex),
                driversAutoprobe: try pass.value("sriov_drivers_autoprobe", in: home, of: subject, SysfsText.flag),
                virtualFunctions: places.map(\.0),
                vfTotalMSIX: locked.vfTotalMSIX,
                hasVFMemory: try pass.value("resource", in: home, of: subject, VFMemory.isAssigned)))
    }

    /// nil for a function that is not a VF; `.some(nil)`, and a warning, for a VF whose link is malformed.
    private func owner(
        of home: borrowing Directory, _ subject: String, _ pass: inout ReadPass
    ) throws(Vanished) -> PCIAddress?? {
        guard let name = try pass.linkName("physfn", in: home, of: subject) else { return nil }
        let owner = PCIAddress(canonical: name.utf8.span)
        if owner == nil { pass.warn("\(subject): physfn points to '\(name)', which is not an address") }
        return .some(owner)
    }
}

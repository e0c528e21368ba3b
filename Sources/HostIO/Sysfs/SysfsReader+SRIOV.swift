// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// Reads whether the function is a PF, a VF or neither.
    func readRole(
        into reading: inout Reading, _ home: borrowing Directory, including facts: Facts, _ pass: inout ReadPass
    ) throws(Vanished) {
        let subject = reading.function.address.description
        switch try owner(of: home, subject, &pass) {
        case .none: break
        case .some(nil): return
        case .some(.some(let physical)):
            reading.owner = physical
            return
        }
        let total = try pass.value("sriov_totalvfs", in: home, of: subject) { Self.vfCount($0, upTo: 0xffff) }
        guard let total, total > 0 else { return }
        let count = try pass.value("sriov_numvfs", in: home, of: subject) { Self.vfCount($0, upTo: total) }
        let places = facts.contains(.places) ? places(in: home, count: count ?? 0, subject, &pass) : []
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
                vfTotalMSIX: try pass.value("sriov_vf_total_msix", in: home, of: subject, SysfsText.count)))
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

    /// Whether the VF's PF distributes interrupt vectors among its VFs. Read once for each PF.
    func sharesVectors(_ owner: PCIAddress, of home: borrowing Directory, _ pass: inout ReadPass) -> Bool {
        if let known = pass.sharesVectors[owner] { return known }
        let total: Int?? = try? pass.read("physfn/sriov_vf_total_msix", in: home) { SysfsText.count($0) }
        let shares = (total.flatMap(\.self) ?? 0) > 0
        pass.sharesVectors[owner] = shares
        return shares
    }

    /// A number of VFs; nil when it is above the limit. The registers have 16 bits, and no more than all VFs are
    /// enabled.
    ///
    /// A wrong number must not make the reader look for thousands of links. Source: `PCI_SRIOV_TOTAL_VF`, `pci_regs.h`.
    private static func vfCount(_ bytes: Span<UInt8>, upTo limit: Int) -> Int? {
        SysfsText.count(bytes).flatMap { $0 <= limit ? $0 : nil }
    }

    /// The VF's address, from its PF's link to it.
    func address(of virtual: VirtualFunction, in bus: borrowing Directory, _ pass: inout ReadPass) -> PCIAddress? {
        let link = "\(virtual.physicalFunction)/virtfn\(virtual.index)"
        return (try? pass.target(of: link, in: bus) { SysfsText.lastFunction(onPath: $0) }).flatMap(\.self)
    }

    /// The index of each VF of a PF, by address. Empty when the PF does not exist.
    func places(ofVFsOn physical: PCIAddress, in bus: borrowing Directory) -> [PCIAddress: Int] {
        // The warnings about the links were added when the PF itself was read.
        var pass = ReadPass()
        guard let home = try? Directory(physical.description, in: bus) else { return [:] }
        let count = try? pass.read("sriov_numvfs", in: home) { Self.vfCount($0, upTo: 0xffff) }
        return Dictionary(
            places(in: home, count: count.flatMap(\.self) ?? 0, physical.description, &pass),
            uniquingKeysWith: { first, _ in first })
    }

    /// The `virtfnN` links in order of N.
    ///
    /// The kernel sets the count after it created all links, and clears it after it removed them. So there can be more
    /// links than the count while VFs are created, and fewer while they are removed: every link that is found counts.
    ///
    /// Source: `sriov_enable`, `sriov_disable`, drivers/pci/iov.c.
    private func places(
        in home: borrowing Directory, count: Int, _ subject: String, _ pass: inout ReadPass
    ) -> [(PCIAddress, Int)] {
        var places: [(PCIAddress, Int)] = []
        places.reserveCapacity(count)
        var index = 0
        while true {
            let target = try? pass.target(of: "virtfn\(index)", in: home) { SysfsText.lastFunction(onPath: $0) }
            if let address = target.flatMap(\.self) {
                places.append((address, index))
            } else if index >= count {
                break
            }
            index += 1
        }
        if places.count < count { pass.warn("\(subject): has \(count) VFs but links to \(places.count)") }
        return places
    }
}

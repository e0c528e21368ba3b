// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// What the function is on its card.
    func role(
        of address: PCIAddress, in home: borrowing Directory, bus: borrowing Directory, _ pass: inout ReadPass
    ) throws(Vanished) -> Function.Role {
        let subject = address.description
        if let owner = try pass.linkName("physfn", in: home, of: subject) {
            guard let physical = try? PCIAddress(owner) else {
                pass.warn("\(subject): physfn points to '\(owner)', which is not an address")
                return .function
            }
            // A VF keeps its own link a moment longer than its PF's to it: without a place it is on its way out.
            guard let index = index(of: address, on: physical, bus, &pass) else {
                // Never told as a function of its own: someone might hand it out.
                if !bus.contains(physical.description) {
                    pass.lastWord = "\(subject): its physical function \(physical) is gone; left out"
                }
                throw Vanished()
            }
            return .virtualFunction(VirtualFunction(physicalFunction: physical, index: index))
        }
        let total = try pass.value("sriov_totalvfs", in: home, of: subject) { Self.vfCount($0, upTo: 0xffff) }
        guard let total, total > 0 else { return .function }
        let count = try pass.value("sriov_numvfs", in: home, of: subject) { Self.vfCount($0, upTo: total) }
        let places = places(ofVFsOn: subject, in: home, count: count ?? 0, &pass)
        pass.vfIndexes[address] = Dictionary(places, uniquingKeysWith: { first, _ in first })
        return .physicalFunction(
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

    /// A number of VFs: the registers have 16 bits, and no more VFs can be on than there are in all.
    ///
    /// A wrong one must not send the reader after thousands of links. Source: `PCI_SRIOV_TOTAL_VF`, `pci_regs.h`.
    private static func vfCount(_ text: String, upTo limit: Int) -> Int? {
        SysfsText.count(text).flatMap { $0 <= limit ? $0 : nil }
    }

    /// The VF's place: known from its PF if that was read in this pass and listed it, else asked anew.
    private func index(
        of address: PCIAddress, on physical: PCIAddress, _ bus: borrowing Directory, _ pass: inout ReadPass
    ) -> Int? {
        if let index = pass.vfIndexes[physical]?[address] { return index }
        guard let home = try? Directory(physical.description, in: bus) else { return nil }
        let count = (try? pass.contents(of: "sriov_numvfs", in: home)).flatMap { Self.vfCount($0, upTo: 0xffff) } ?? 0
        let places = places(ofVFsOn: physical.description, in: home, count: count, &pass)
        pass.vfIndexes[physical] = Dictionary(places, uniquingKeysWith: { first, _ in first })
        return pass.vfIndexes[physical]?[address]
    }

    /// The `virtfnN` links in order of N.
    ///
    /// The kernel sets the count once every link is made and unsets it once every link is gone. So links can go past
    /// the count while VFs are made, and be fewer while they are taken away: a link counts where it is found.
    ///
    /// Source: `sriov_enable`, `sriov_disable`, drivers/pci/iov.c.
    private func places(
        ofVFsOn subject: String, in home: borrowing Directory, count: Int, _ pass: inout ReadPass
    ) -> [(PCIAddress, Int)] {
        var places: [(PCIAddress, Int)] = []
        var index = 0
        while true {
            let target = try? pass.target(of: "virtfn\(index)", in: home)
            if let address = target.flatMap(SysfsText.lastFunction) {
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

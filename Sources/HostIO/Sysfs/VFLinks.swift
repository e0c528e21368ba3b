// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// The links from a PF to its VFs.
struct VFLinks {
    /// The most VFs that a PF can have: the register has 16 bits. A wrong number must not make the reader look for
    /// more links.
    ///
    /// Source: `PCI_SRIOV_TOTAL_VF`, `pci_regs.h`.
    static let most = 0xffff

    /// The PF.
    let physical: PCIAddress

    /// The address of one VF; nil when the PF has no VF with that index.
    func address(ofVF index: Int, in bus: borrowing Directory, _ pass: inout ReadPass) -> PCIAddress? {
        let link = "\(physical)/virtfn\(index)"
        return (try? pass.target(of: link, in: bus) { SysfsText.lastFunction(onPath: $0) }).flatMap(\.self)
    }

    /// The index of each VF, by address. Empty when the PF does not exist.
    ///
    /// - Parameter count: how many VFs the PF says it has.
    func places(in bus: borrowing Directory, count: Int) -> [PCIAddress: Int] {
        // The warnings about the links were added when the PF itself was read.
        var pass = ReadPass()
        guard let home = try? Directory(physical.description, in: bus) else { return [:] }
        return Dictionary(
            places(inFolderOfPF: home, count: count, &pass),
            uniquingKeysWith: { first, _ in first })
    }

    /// The `virtfnN` links in order of N.
    ///
    /// The kernel sets the count after it created all links, and clears it after it removed them. So there can be more
    /// links than the count while VFs are created, and fewer while they are removed: every link that is found counts.
    ///
    /// Source: `sriov_enable`, `sriov_disable`, drivers/pci/iov.c.
    func places(
        inFolderOfPF home: borrowing Directory, count: Int, _ pass: inout ReadPass
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
        if places.count < count { pass.warn("\(physical): has \(count) VFs but links to \(places.count)") }
        return places
    }
}

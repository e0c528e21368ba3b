// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

extension DomainPicture {
    /// Whether libvirt would migrate the guest as it runs, or would run.
    package struct Migration: Sendable {
        package enum Possible: String, Sendable {
            case yes, no, unknown
        }

        package let possible: Possible
        /// Why not, or on what conditions; a line each.
        package var reasons: [String] = []
        /// What to do before the guest is migrated or saved.
        package var remedy: String?
    }

    /// Saving differs from migrating for a device with a virtio half: libvirt pauses the guest first, and QEMU then waits
    /// without a limit for the guest to release the VF.
    ///
    /// Source: qemuDomainSaveInternal, qemu_driver.c; qemu_savevm_wait_unplug, migration.c.
    ///
    /// - Parameter drivers: the driver of each function, as it is bound now.
    func migration(_ drivers: [PCIAddress: String]) -> Migration {
        guard let document = live ?? config else { return Migration(possible: .yes) }
        var reasons: [String] = []
        var isPlain = false
        var isUnknown = false
        for device in document.injected {
            if device.failover != nil {
                reasons.append("\(device.name) has a virtio half, which carries its traffic meanwhile")
            } else if let driver = drivers[device.address], VFIO.isVFIODriver(driver),
                driver != VFIO.genericDriver
            {
                isUnknown = true
                reasons.append(
                    "\(device.name) is on \(driver), which moves the device's state if card, QEMU and target support it"
                )
            } else {
                isPlain = true
                reasons.append("\(device.name) (\(device.address)) is passed through: its state is in the card")
            }
        }
        let foreign = document.foreign
        reasons += foreign.map { "\($0.address) is passed through by hand: \($0.label)" }
        if isPlain || !foreign.isEmpty {
            return impossible(document, reasons, byEvicting: isPlain)
        }
        let hasPair = document.injected.contains { $0.failover != nil }
        return Migration(
            possible: isUnknown ? .unknown : .yes, reasons: reasons,
            remedy: hasPair ? "before virsh save, which would wait without a limit: buslane domain evict \(name)" : nil)
    }

    private func impossible(_ document: Domain, _ reasons: [String], byEvicting isPlain: Bool) -> Migration {
        if let device = document.injected.first(where: \.sharesSlot) {
            let why =
                "\(device.name) shares a slot, and libvirt unplugs nothing from a shared slot while the guest runs"
            return Migration(
                possible: .no, reasons: reasons + [why], remedy: "shut it down here, and start it on the other host")
        }
        let evict = "buslane domain evict \(name), migrate, then buslane domain readmit \(name) there"
        let byHand = "remove what Buslane did not add: virsh detach-device \(name) FILE"
        let remedies = (document.foreign.isEmpty ? [] : [byHand]) + (isPlain ? [evict] : [])
        return Migration(possible: .no, reasons: reasons, remedy: remedies.joined(separator: "; "))
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
package import HostModel

/// Whether libvirt would migrate a guest as it runs, or would run.
package struct MigrationOutlook: Sendable {
    package enum Possible: String, Sendable {
        case yes, no, unknown
    }

    package let possible: Possible
    /// Why not, or on what conditions; a line each.
    package let reasons: [String]
    /// What to do before the guest is migrated or saved.
    package let remedy: String?

    /// Saving differs from migrating for a device with a virtio half: libvirt pauses the guest first, and QEMU then waits
    /// without a limit for the guest to release the VF.
    ///
    /// Source: qemuDomainSaveInternal, qemu_driver.c; qemu_savevm_wait_unplug, migration.c.
    ///
    /// - Parameter drivers: the driver of each function, as it is bound now.
    package init(of picture: DomainPicture, drivers: [PCIAddress: String]) {
        guard let document = picture.live ?? picture.config else {
            self.init(possible: .yes, reasons: [], remedy: nil)
            return
        }
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
            self.init(impossibleFor: document, of: picture.name, reasons, byEvicting: isPlain)
            return
        }
        let others = document.otherHostDevices
        reasons += others.map { "\($0) is a device of the host: libvirt or QEMU may refuse to migrate it" }
        let hasPair = document.injected.contains { $0.failover != nil }
        self.init(
            possible: isUnknown || !others.isEmpty ? .unknown : .yes, reasons: reasons,
            remedy: hasPair
                ? "before virsh save, which would wait without a limit: buslane domain evict \(picture.name.shellWord)"
                : nil)
    }

    private init(impossibleFor document: Domain, of name: String, _ reasons: [String], byEvicting isPlain: Bool) {
        if let device = document.injected.first(where: \.sharesSlot) {
            let why =
                "\(device.name) shares a slot, and libvirt unplugs nothing from a shared slot while the guest runs"
            self.init(
                possible: .no, reasons: reasons + [why], remedy: "shut it down here, and start it on the other host")
            return
        }
        let name = name.shellWord
        let evict = "buslane domain evict \(name), migrate, then buslane domain readmit \(name) there"
        // libvirt knows nothing of a device on QEMU's command line and cannot unplug it.
        let onCommandLine = document.foreign.contains(where: \.isOnCommandLine)
        let byHand =
            onCommandLine
            ? "shut it down, and remove what is in <qemu:commandline> and <qemu:override>: virsh edit \(name)"
            : "remove what Buslane did not add: virsh detach-device \(name) FILE"
        let remedies = (document.foreign.isEmpty ? [] : [byHand]) + (isPlain && !onCommandLine ? [evict] : [])
        self.init(possible: .no, reasons: reasons, remedy: remedies.joined(separator: "; "))
    }

    private init(possible: Possible, reasons: [String], remedy: String?) {
        self.possible = possible
        self.reasons = reasons
        self.remedy = remedy
    }
}

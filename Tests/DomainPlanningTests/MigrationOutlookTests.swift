// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import Testing

@Suite("Whether a domain can migrate")
struct MigrationOutlookTests {
    private func outlook(_ devices: String) throws -> MigrationOutlook {
        let config = try Domain(
            parsing: "<domain type='kvm'><name>vm</name><devices>\n\(devices)\n</devices></domain>")
        return MigrationOutlook(
            of: DomainPicture(name: "vm", uuid: "u", state: .off, live: nil, config: config, claims: []), drivers: [:])
    }

    @Test(
        "a device of the host that is no PCI function makes it unknown",
        arguments: [
            (
                "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source/></hostdev>",
                "<hostdev> at line 2 (mdev)"
            ),
            (
                "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost'/></hostdev>",
                "<hostdev> at line 2 (scsi_host)"
            ),
            ("<hostdev mode='subsystem' type='scsi'><source/></hostdev>", "<hostdev> at line 2 (scsi)"),
            ("<hostdev mode='capabilities' type='misc'><source/></hostdev>", "<hostdev> at line 2 (misc)"),
            ("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", "<interface> at line 2 (vdpa)"),
        ])
    func unknown(device: String, label: String) throws {
        let outlook = try outlook(device)
        #expect(outlook.possible == .unknown)
        #expect(outlook.reasons == ["\(label) is a device of the host: libvirt or QEMU may refuse to migrate it"])
    }

    @Test("USB devices and devices of QEMU do not")
    func possible() throws {
        let usb = "<hostdev mode='subsystem' type='usb'><source/></hostdev>"
        #expect(try outlook(usb + "<interface type='network'><source network='default'/></interface>").possible == .yes)
    }
}

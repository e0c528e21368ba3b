// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainSamples
import DomainXML
import HostModel
import Testing

@Suite("The remedy for a device on QEMU's command line")
struct CommandLineRemedyTests {
    @Test("it is not unplugged by libvirt, which knows nothing of it")
    func migration() throws {
        let config = try Domain(
            parsing: """
                <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>win 1</name><devices/>\
                <qemu:commandline><qemu:arg value='-device'/><qemu:arg value='vfio-pci,host=01:00.0'/></qemu:commandline>\
                </domain>
                """)
        let picture = DomainPicture(
            name: "win 1", uuid: "u", state: .off, live: nil, config: config, claims: [])
        let outlook = MigrationOutlook(of: picture, drivers: [:])
        #expect(outlook.possible == .no)
        #expect(outlook.reasons == ["0000:01:00.0 is passed through by hand: an option of QEMU's at line 1"])
        #expect(outlook.remedy?.hasSuffix("virsh edit 'win 1'") == true)
        #expect(outlook.remedy?.contains("detach-device") == false)
    }
}

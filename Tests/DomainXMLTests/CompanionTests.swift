// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import Testing

@testable import DomainXML

@Suite("Companions share a slot, standbys a MAC address")
struct CompanionTests {
    let gpu = device("0000:c1:00.0,name=gpu0")
    let sound = device("0000:c1:00.1,name=sound0,companion=gpu0")
    let usb = device("0000:c1:00.3,name=usb0,companion=gpu0")

    /// A domain as libvirt keeps it: every device has its place.
    private let placed = Corpus.q35(
        """
        <controller type='pci' index='0' model='pcie-root'/>
            <controller type='pci' index='1' model='pcie-root-port'>
              <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/>
            </controller>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
              <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
            </interface>
            <memballoon model='none'/>
        """)

    @Test("on q35: one slot behind a root port of their own, with the next index beside the ports that are there")
    func express() throws {
        let xml = try domain(placed).adding([gpu, sound, usb]).text
        let expected = placed.with(
            "    <memballoon model='none'/>\n",
            as: """
                    <memballoon model='none'/>
                    <controller type='pci' index='2' model='pcie-root-port'>
                      <alias name='ua-lane-port-gpu0'/>
                      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x1'/>
                    </controller>
                    <hostdev mode='subsystem' type='pci' managed='no'>
                      <source>
                        <address domain='0x0000' bus='0xc1' slot='0x00' function='0x0'/>
                      </source>
                      <alias name='ua-buslane-gpu0'/>
                      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0' multifunction='on'/>
                    </hostdev>
                    <hostdev mode='subsystem' type='pci' managed='no'>
                      <source>
                        <address domain='0x0000' bus='0xc1' slot='0x00' function='0x1'/>
                      </source>
                      <alias name='ua-buslane-sound0'/>
                      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x1'/>
                    </hostdev>
                    <hostdev mode='subsystem' type='pci' managed='no'>
                      <source>
                        <address domain='0x0000' bus='0xc1' slot='0x00' function='0x3'/>
                      </source>
                      <alias name='ua-buslane-usb0'/>
                      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x3'/>
                    </hostdev>

                """)
        #expect(xml == expected)
        #expect(try Schema.complaint(about: xml, by: Schema.domain) == nil)
    }

    @Test("on i440fx: one slot of the one bus, past those of the chipset")
    func conventional() throws {
        let xml = try domain(Samples.i440fx).adding([gpu, sound]).text
        #expect(xml.contains("bus='0x00' slot='0x03' function='0x0' multifunction='on'/>"))
        #expect(xml.contains("bus='0x00' slot='0x03' function='0x1'/>"))
        #expect(!xml.contains("pcie-root-port"))
    }

    @Test("a root port that is there and free is taken first; one that is kept for hot plug is not")
    func freePort() throws {
        let free = placed.with("bus='0x01' slot='0x00'", as: "bus='0x00' slot='0x01'")
        let xml = try domain(free).adding([gpu, sound]).text
        #expect(xml.contains("bus='0x01' slot='0x00' function='0x0' multifunction='on'"))
        #expect(!xml.contains("ua-lane-port"))
        let spare = try domain(placed).addingSparePorts(upTo: 1).text
        let both = try domain(spare).adding([gpu, sound]).text
        #expect(both.contains("<alias name='ua-lane-port-gpu0'/>"))
        #expect(try domain(both).freeHotplugPorts == 1)
    }

    @Test("a companion that comes later joins the slot, and the first says that it is shared")
    func later() throws {
        let alone = try domain(placed).adding([gpu]).text
        #expect(!alone.contains("multifunction='on'/>\n    </hostdev>"))
        // libvirt gave it a place meanwhile.
        let home = alone.with(
            "<alias name='ua-buslane-gpu0'/>",
            as:
                "<alias name='ua-buslane-gpu0'/><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>"
        )
        for specs in [[gpu, sound], [sound]] {
            let xml = try domain(home).adding(specs).text
            #expect(
                xml.contains(
                    "<address multifunction='on' type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>"))
            #expect(xml.contains("bus='0x05' slot='0x00' function='0x1'/>"))
            #expect(try domain(xml).adding([gpu, sound]).text == xml)
        }
    }

    @Test("a device that a user moved keeps its place")
    func moved() throws {
        let xml = try domain(placed).adding([gpu, sound]).text
        let moved = xml.with("bus='0x02' slot='0x00' function='0x1'/>", as: "bus='0x09' slot='0x00' function='0x0'/>")
        #expect(try domain(moved).adding([gpu, sound]).text == moved)
        #expect(try domain(moved).adding([gpu, sound, usb]).text.contains("bus='0x02' slot='0x00' function='0x3'"))
    }

    @Test("companions of different cards: the function that is free next")
    func otherCards() throws {
        let other = device("0000:c2:00.0,name=other,companion=gpu0")
        let third = device("0000:c3:00.1,name=third,companion=gpu0")
        let xml = try domain(placed).adding([gpu, sound, other, third]).text
        #expect(xml.contains("bus='0x02' slot='0x00' function='0x2'/>"))
        #expect(xml.contains("bus='0x02' slot='0x00' function='0x3'/>"))
    }

    @Test("an invalid companion is refused with the reason")
    func refused() throws {
        let base = try domain(placed)
        #expect(
            refusal { try base.adding([sound]) } == .companion("sound0", of: "gpu0", reason: "there is no such device"))
        #expect(refusal { try base.adding([device("c1:00.0,name=a,companion=a")]) } != nil)
        let chain = device("0000:c1:00.2,name=c,companion=sound0")
        #expect(
            refusal { try base.adding([gpu, sound, chain]) }
                == .companion("c", of: "sound0", reason: "that is a companion itself"))
        let nowhere = try base.adding([gpu]).text.with(
            "<alias name='ua-buslane-gpu0'/>", as: "<alias name='ua-buslane-gpu0'/><address type='pci'/>")
        #expect(refusal { try domain(nowhere).adding([sound]) }?.description.contains("without a PCI slot") == true)
        let many = (1...8).map { device("0000:c2:0\($0).0,name=n\($0),companion=gpu0") }
        let error = refusal { try base.adding([gpu] + many) }
        #expect(error == .companion("n8", of: "gpu0", reason: "its slot has eight functions"))
        #expect(error?.remedy != nil)
    }

    @Test("a port goes with its device, but not where that would leave a gap in the indexes")
    func gaps() throws {
        let other = device("0000:c2:00.0,name=card")
        let beside = device("0000:c2:00.1,name=beside,companion=card")
        let both = try domain(placed).adding([gpu, sound, other, beside]).text
        let later = try domain(both).removing(names: ["gpu0", "sound0"]).text
        #expect(later.contains("ua-lane-port-gpu0") && later.contains("ua-lane-port-card"))
        // The port that stayed is taken again.
        let again = try domain(later).adding([gpu, sound]).text
        #expect(try domain(again).document.root.first("devices")?.all("controller").count == 4)
        #expect(try domain(later).removing(names: ["card", "beside"]).text == placed)
        #expect(
            try domain(both).removing(names: ["card", "beside"]).text == (try domain(placed).adding([gpu, sound]).text))
    }

    // MARK: - Standbys

    private let teamed = Corpus.q35(
        """
        <interface type='network'>
              <mac address='52:54:00:11:22:33'/>
              <source network='default'/>
              <model type='virtio'/>
              <teaming type='persistent'/>
              <alias name='ua-standby'/>
            </interface>
        """)

    @Test("a VF with a standby has its MAC address and names it; libvirt's schema takes it")
    func standby() throws {
        let xml = try domain(teamed).adding([device("3b:10.2,kind=interface,vlan=5,name=data0,failover=standby")]).text
        #expect(xml.contains("<mac address='52:54:00:11:22:33'/>\n      <source>\n        <address"))
        #expect(xml.contains("<teaming type='transient' persistent='ua-standby'/>"))
        #expect(try domain(xml).injected.first?.failover == "ua-standby")
        #expect(try Schema.complaint(about: xml, by: Schema.domain) == nil)
        let plain = try domain(teamed).adding([device("3b:10.2,kind=hostdev,name=data0,failover=ua-standby")]).text
        #expect(try Schema.complaint(about: plain, by: Schema.domain) == nil)
        #expect(
            try StandbyInterface("ua-standby", for: "data0", in: domain(teamed)).mac == MACAddress("52:54:00:11:22:33"))
    }

    @Test("a standby can be added and removed; the rest of the device stays")
    func standbyComesAndGoes() throws {
        let alone = device("3b:10.2,mac=52:54:00:11:22:33,name=data0")
        let pair = device("3b:10.2,mac=52:54:00:11:22:33,name=data0,failover=standby")
        let without = try domain(teamed).adding([alone]).text
        let with = try domain(without).adding([pair]).text
        #expect(try domain(with).adding([pair]).text == with)
        #expect(try domain(with).adding([alone]).text == without)
        #expect(try domain(with).removing(names: ["data0"]).text == teamed)
    }

    @Test("an invalid standby is refused with the fix")
    func noStandby() throws {
        let pair = device("3b:10.2,kind=interface,name=data0,failover=standby")
        let wrong: [(String, String, String)] = [
            ("ua-standby", "ua-other", "nothing in <devices>"),
            ("model type='virtio'", "model type='e1000e'", "not a virtio"),
            ("<teaming type='persistent'/>", "", "<teaming"), ("<mac address='52:54:00:11:22:33'/>", "", "<mac>"),
            ("interface type='network'", "interface type='hostdev' x='y'", "not a virtio"),
        ]
        for (part, other, named) in wrong {
            let xml = teamed.with(part, as: other).with(
                "type='hostdev' x='y'>", as: "type='hostdev'><source><address type='pci' bus='7'/></source>")
            let error = refusal { try domain(xml).adding([pair]) }
            #expect(error?.description.contains(named) == true, "\(String(describing: error))")
            #expect(error?.remedy?.isEmpty == false)
        }
        let other = device("3b:10.2,mac=52:54:00:11:22:44,name=data0,failover=standby")
        #expect(refusal { try domain(teamed).adding([other]) }?.description.contains("52:54:00:11:22:33") == true)
    }
}

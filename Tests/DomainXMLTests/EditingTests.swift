// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import DomainXML
import HostModel
import HostSimulator
import Testing

@Suite("Adding devices to a domain and removing them")
struct EditingTests {
    let nic = device("0000:3b:10.2,mac=52:54:00:11:22:33,vlan=42,name=nic0")
    let gpu = device("0000:af:00.1,name=gpu0")

    @Test("an interface and a hostdev, as libvirt's schema wants them, at the end of the devices")
    func markup() throws {
        let xml = try domain(Samples.q35).adding([nic, gpu]).text
        let expected = Samples.q35.with(
            "    <memballoon model='virtio'/>\n",
            as: """
                    <memballoon model='virtio'/>
                    <interface type='hostdev' managed='no'>
                      <mac address='52:54:00:11:22:33'/>
                      <source>
                        <address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/>
                      </source>
                      <vlan>
                        <tag id='42'/>
                      </vlan>
                      <alias name='ua-buslane-nic0'/>
                    </interface>
                    <hostdev mode='subsystem' type='pci' managed='no'>
                      <source>
                        <address domain='0x0000' bus='0xaf' slot='0x00' function='0x1'/>
                      </source>
                      <alias name='ua-buslane-gpu0'/>
                    </hostdev>

                """)
        #expect(xml == expected)
    }

    @Test("what was added is read back")
    func readBack() throws {
        let domain = try domain(Samples.q35).adding([nic, gpu])
        #expect(
            domain.injected == [
                InjectedDevice(
                    name: "nic0", address: address("3b:10.2"), kind: .interface,
                    mac: MACAddress("52:54:00:11:22:33"), vlan: VLANID(42)),
                InjectedDevice(name: "gpu0", address: address("af:00.1"), kind: .hostdev, mac: nil, vlan: nil),
            ])
        #expect(
            domain.hostdevAddresses == [address("01:00.0"), address("3b:10.2"), address("af:00.0"), address("af:00.1")])
    }

    @Test("adding twice changes nothing; adding nothing changes nothing", arguments: Samples.all)
    func idempotent(sample: String) throws {
        let once = try domain(sample).adding([nic, gpu]).text
        #expect(try domain(once).adding([gpu, nic]).text == once)
        #expect(try domain(sample).adding([]).text == sample)
        #expect(try domain(sample).removing(names: ["nic0"]).text == sample)
    }

    @Test("an edited domain reads as its text does, and one that changes nothing is the domain itself")
    func editedValue() throws {
        let base = try domain(Samples.q35)
        let added = try base.adding([nic, gpu])
        let parsed = try domain(added.text)
        #expect(added == parsed && added != base)
        #expect(added.injected == parsed.injected && added.hostdevAddresses == parsed.hostdevAddresses)
        #expect(try added.request == parsed.request)
        #expect(try added.adding([gpu]) == added && added.removing(names: []) == added)
        #expect(try added.removing(names: ["nic0", "gpu0"]) == base)
    }

    @Test("removing the added devices restores the document, byte for byte", arguments: Samples.all)
    func roundTrip(sample: String) throws {
        let added = try domain(sample).adding([nic, gpu]).text
        #expect(Array(try domain(added).removing(names: ["gpu0", "nic0", "other"]).text.utf8) == Array(sample.utf8))
        let half = try domain(added).removing(names: ["nic0"]).text
        #expect(half == (try domain(sample).adding([gpu]).text))
        #expect(Array(try domain(half).removing(names: ["gpu0"]).text.utf8) == Array(sample.utf8))
    }

    @Test("the document's own layout is kept: one line, Windows lines, tabs")
    func layouts() throws {
        let inline = try domain(Samples.oneLine).adding([gpu]).text
        #expect(!inline.contains("\n"))
        #expect(inline.contains("</emulator><hostdev mode="))
        let windows = try domain(Samples.q35.crlf).adding([nic]).text
        #expect(windows == (try domain(Samples.q35).adding([nic]).text).crlf)
        let tabs = try domain(Samples.i440fx).adding([gpu]).text
        #expect(
            tabs.contains("\n\t\t<hostdev mode='subsystem' type='pci' managed='no'>\n\t\t\t<source>\n\t\t\t\t<address"))
    }

    @Test(
        "any shape of empty devices",
        arguments: [
            "  <devices/>\n", "  <devices />\n", "  <devices></devices>\n", "  <devices>\n  </devices>\n", "<devices/>",
            "  <devices><!-- none yet --></devices>\n", "  <devices/><os/>\n",
        ])
    func emptyDevices(devices: String) throws {
        for sample in [Samples.small(devices), Samples.small(devices).crlf] {
            let added = try domain(sample).adding([nic]).text
            #expect(try domain(added).injected.map(\.name) == ["nic0"])
            #expect(Array(try domain(added).removing(names: ["nic0"]).text.utf8) == Array(sample.utf8))
        }
    }

    @Test("a domain without <devices> is refused with the fix: no libvirt prints one, so it is cut short or made up")
    func noDevices() throws {
        let error = refusal { try domain(Samples.small("  <os/>\n")).adding([nic]) }
        #expect(error == .noDevices(line: 1))
        #expect(error?.remedy == "add <devices/> to <domain>")
        #expect(try domain(Samples.small("")).adding([]).text == Samples.small(""))
    }

    @Test("another address, MAC and VLAN: only these change, the guest's address stays")
    func changed() throws {
        let before = try domain(Samples.q35).adding([nic]).text.with(
            "<alias name='ua-buslane-nic0'/>",
            as: "<boot order='1'/><alias name='ua-buslane-nic0'/><address bus='4'/>")
        let after = try domain(before).adding([device("0000:3b:10.3,mac=52:54:00:11:22:44,vlan=43,name=nic0")]).text
        let expected = before.with("slot='0x10' function='0x2'", as: "slot='0x10' function='0x3'")
            .with("52:54:00:11:22:33'/>\n      <source", as: "52:54:00:11:22:44'/>\n      <source")
            .with("id='42'", as: "id='43'")
        #expect(after == expected)
    }

    @Test("a VLAN and a MAC come and go")
    func comeAndGo() throws {
        for sample in Samples.all {
            let plain = device("0000:3b:10.2,kind=interface,name=nic0")
            let without = try domain(sample).adding([plain]).text
            let with = try domain(without).adding([nic]).text
            let direct = try domain(sample).adding([nic]).injected
            #expect(try domain(with).injected == direct)
            // No MAC asked for keeps the one that is there, as libvirt makes one up; no VLAN means none.
            let again = try domain(with).adding([plain]).injected.first
            #expect(again?.mac == nic.mac)
            #expect(again?.vlan == nil)
        }
    }

    @Test("a device of the same name but another kind is written anew in its place")
    func otherKind() throws {
        let before = try domain(Samples.q35).adding([nic, gpu]).text
        let after = try domain(before).adding([device("0000:3b:10.2,name=nic0")]).text
        #expect(try domain(after).injected.map(\.kind) == [.hostdev, .hostdev])
        #expect(try domain(after).removing(names: ["nic0", "gpu0"]).text == Samples.q35)
        let managed = before.with("type='hostdev' managed='no'", as: "type='hostdev' managed='yes'")
        #expect(try domain(managed).adding([nic]).text == before)
    }

    @Test("a device keeps elements of the user and of libvirt when it becomes another kind, or is managed again")
    func keeps() throws {
        let extras = "<boot order='2'/><rom file='/roms/a&amp;b.rom'/>"
        let place = "<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>"
        let before = try domain(Corpus.q35("")).adding([nic]).text.with(
            "<alias name='ua-buslane-nic0'/>", as: "\(extras)<alias name='ua-buslane-nic0'/>\(place)")
        let after = try domain(before).adding([device("0000:3b:10.2,kind=hostdev,name=nic0")]).text
        for part in ["<boot order='2'/>", "<rom file='/roms/a&amp;b.rom'/>", place] {
            #expect(after.contains(part), "\(part)")
        }
        #expect(try domain(after).adding([device("0000:3b:10.2,kind=hostdev,name=nic0")]).text == after)
        #expect(try Schema.complaint(about: after, by: Schema.domain) == nil)
        let managed = before.with("type='hostdev' managed='no'", as: "managed='yes' type='hostdev'")
        #expect(try domain(managed).adding([nic]).text == before)
    }

    @Test("what libvirt 9.0 prints of an added device is that device: managed='no' is not printed, a target is")
    func printedByLibvirt() throws {
        let printed = Samples.small(
            """
              <devices>
                <interface type='hostdev'>
                  <mac address='52:54:00:11:22:33'/>
                  <source>
                    <address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/>
                  </source>
                  <vlan>
                    <tag id='42'/>
                  </vlan>
                  <target dev='testnet0'/>
                  <alias name='ua-buslane-nic0'/>
                </interface>
              </devices>

            """)
        #expect(try domain(printed).adding([nic]).text == printed)
        #expect(try domain(printed).adding([device("3b:10.2,vlan=42,name=nic0")]).text == printed)
        #expect(try domain(printed).removing(names: ["nic0"]).text == Samples.small("  <devices>\n  </devices>\n"))
    }

    @Test("a device alone, for libvirt to attach")
    func alone() throws {
        #expect(
            try domain(Samples.q35).plugging(gpu) == """
                <hostdev mode='subsystem' type='pci' managed='no'>
                  <source>
                    <address domain='0x0000' bus='0xaf' slot='0x00' function='0x1'/>
                  </source>
                  <alias name='ua-buslane-gpu0'/>
                </hostdev>

                """)
    }

    @Test("two devices swap their functions")
    func swap() throws {
        let before = try domain(Samples.q35).adding([nic, gpu]).text
        let after = try domain(before).adding([device("af:00.1,vlan=42,name=nic0"), device("3b:10.2,name=gpu0")]).text
        #expect(try domain(after).injected.map(\.address) == [address("af:00.1"), address("3b:10.2")])
    }

    @Test("a function that the domain has already is refused, with the name of its device")
    func conflicts() throws {
        let base = try domain(Samples.q35)
        let hand = refusal { try base.adding([device("af:00.0")]) }
        #expect(hand?.description == "domain XML: 0000:af:00.0 cannot be added: <hostdev> at line 77 already has it")
        #expect(refusal { try base.adding([device("01:00.0")]) }?.description.contains("<disk>") == true)
        let with = try base.adding([nic])
        #expect(
            refusal { try with.adding([device("3b:10.2,name=other")]) }?.description.contains("ua-buslane-nic0") == true
        )
        #expect(refusal { try base.adding([nic, device("3b:10.2,name=b")]) } != nil)
        #expect(refusal { try base.adding([nic, device("3b:10.3,name=nic0")]) } != nil)
        #expect(refusal { try with.adding([device("af:00.0,vlan=42,name=nic0")]) } != nil)
    }

    @Test("an alias on something else is neither taken nor removed")
    func foreignAlias() throws {
        let xml = Samples.q35.with(
            "<model type='virtio'/>", as: "<model type='virtio'/><alias name='ua-buslane-nic0'/>")
        #expect(try domain(xml).injected.isEmpty)
        #expect(try domain(xml).removing(names: ["nic0"]).text == xml)
        guard case .nameInUse("nic0", _)? = refusal({ try domain(xml).adding([nic]) }) else {
            Issue.record("expected nameInUse")
            return
        }
    }

    @Test("a comment beside an added device stays when the device goes")
    func neighbours() throws {
        let added = try domain(Samples.q35).adding([nic]).text.with(
            "</interface>\n  </devices>", as: "</interface> <!-- mine -->\n  </devices>")
        let removed = try domain(added).removing(names: ["nic0"]).text
        #expect(removed.contains("<!-- mine -->"))
        #expect(try domain(removed).injected.isEmpty)
    }

    @Test("random devices into every sample: every other byte stays")
    func property() throws {
        var random = FixedSeed(0x5eed)
        for round in 0..<300 {
            let sample = Samples.all[round % Samples.all.count]
            var specs: [DeviceSpec] = []
            for index in 0..<Int.random(in: 1...6, using: &random) {
                let address = PCIAddress(
                    domain: UInt32.random(in: 2...0x20000, using: &random), bus: .random(in: 0...255, using: &random),
                    device: .random(in: 0...31, using: &random), function: UInt8(index))
                specs.append(
                    try DeviceSpec(
                        address: try #require(address), kind: Bool.random(using: &random) ? .interface : .hostdev,
                        mac: Bool.random(using: &random) ? MACAddress(rawValue: 0x5254_0000_0000 + UInt64(index)) : nil,
                        vlan: VLANID(Int.random(in: 1...8000, using: &random)),
                        name: Bool.random(using: &random) ? nil : "n\(index)"))
            }
            let added = try domain(sample).adding(specs).text
            #expect(added.isInsertion(into: sample))
            #expect(try domain(added).injected.map(\.name) == specs.map(\.name))
            let names = specs.map(\.name).shuffled(using: &random)
            var left = added
            for name in names { left = try domain(left).removing(names: [name]).text }
            #expect(Array(left.utf8) == Array(sample.utf8), "round \(round)")
        }
    }

}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import DomainXML
import HostModel
import Testing

@Suite("A device in words")
struct DeviceSpecTests {
    @Test("an address alone is a hostdev named after it")
    func addressAlone() throws {
        let spec = try DeviceSpec("3b:10.2")
        #expect(spec.address == address("0000:3b:10.2"))
        #expect(spec.kind == .hostdev)
        #expect(spec.name == "0000-3b-10-2")
        #expect(spec.mac == nil && spec.vlan == nil)
        #expect(try DeviceSpec("10000:e1:00.0").name == "10000-e1-00-0")
    }

    @Test("a MAC or a VLAN makes an interface, a stated kind wins, else the caller decides")
    func kinds() throws {
        #expect(try DeviceSpec("3b:10.2,vlan=5").kind == .interface)
        #expect(try DeviceSpec("3b:10.2,mac=52:54:00:00:00:01").kind == .interface)
        #expect(try DeviceSpec("3b:10.2,mac=52:54:00:00:00:01,kind=hostdev").kind == .hostdev)
        #expect(try DeviceSpec("3b:10.2", kindOf: { _ in .interface }).kind == .interface)
        #expect(try DeviceSpec("3b:10.2,kind=hostdev", kindOf: { _ in .interface }).kind == .hostdev)
    }

    @Test("every option is read, in any order, and printed back")
    func everything() throws {
        let spec = try DeviceSpec("0000:3b:10.2,name=data0,vlan=100,mac=52:54:00:AA:22:33,kind=interface")
        #expect(spec.name == "data0")
        #expect(spec.vlan == VLANID(100))
        #expect(spec.description == "0000:3b:10.2,kind=interface,mac=52:54:00:aa:22:33,vlan=100,name=data0")
        #expect(try DeviceSpec(spec.description) == spec)
    }

    @Test(
        "refuses what is not a device",
        arguments: [
            "", ",", "3b:10.2,", "3b:10.9", "ens1f0", "3b:10.2,kind=nic", "3b:10.2,kind=", "3b:10.2,color=red",
            "3b:10.2,vlan=0", "3b:10.2,vlan=4095", "3b:10.2,vlan", "3b:10.2,mac=ff:ff:ff:ff:ff:ff",
            "3b:10.2,mac=01:00:5e:00:00:01", "3b:10.2,mac=00:00:00:00:00:00", "3b:10.2,name=", "3b:10.2,name=a b",
            "3b:10.2,name=a'/><x", "3b:10.2,name=d\u{e4}ta", "3b:10.2,vlan=1,vlan=2",
            "3b:10.2,name=" + String(repeating: "n", count: 41),
        ])
    func refused(text: String) {
        #expect(throws: MalformedValue.self) { try DeviceSpec(text) }
    }

    @Test("a name that would break out of its attribute can't be made")
    func names() throws {
        #expect(throws: MalformedValue.self) {
            try DeviceSpec(address: address("3b:10.2"), kind: .hostdev, name: "a'b")
        }
        #expect(try DeviceSpec(address: address("3b:10.2"), kind: .hostdev).name == "0000-3b-10-2")
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Values that are read from text")
struct ValueTests {
    @Test(
        "reads a PCI address in every usual format, and prints it in full",
        arguments: [
            ("0000:3b:00.0", "0000:3b:00.0"), ("3b:10.7", "0000:3b:10.7"), ("10000:01:1f.2", "10000:01:1f.2"),
            ("0:3:2.1", "0000:03:02.1"), ("0000:3B:0A.0", "0000:3b:0a.0"), ("ffffffff:ff:1f.7", "ffffffff:ff:1f.7"),
        ])
    func address(text: String, printed: String) throws {
        let address = try PCIAddress(text)
        #expect(address.description == printed)
        #expect(try PCIAddress(printed) == address)
    }

    @Test(
        "refuses a malformed PCI address, and quotes it",
        arguments: [
            "", "eth0", "0000:3b:00", "0000:3b:00.8", "0000:3b:20.0", "0000:3b:00.0.0", "::.", "0000:3bb:00.0",
            "0000:3b:00.0 ", " 0000:3b:00.0", "-1:00.0", "0x3b:00.0", "100000000:00:00.0", "0000:3b:00.", "a:b:c:d.e",
            "0000:3b:00,0", "0000:３b:00.0",
        ])
    func malformedAddress(text: String) {
        let error = #expect(throws: MalformedValue.self) { try PCIAddress(text) }
        #expect(error?.text == text)
        #expect(error?.description.contains("0000:3b:00.0") == true)
    }

    @Test("orders addresses by number, not as text")
    func order() {
        let sorted: [PCIAddress] = ["0000:02:00.0", "0000:10:00.0", "0000:10:00.1", "0001:00:00.0", "10000:00:00.0"]
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("reads and prints MAC addresses", arguments: ["52:54:00:11:22:33", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
    func mac(text: String) throws {
        #expect(try MACAddress(text).description == text)
        #expect(try MACAddress(text.uppercased()).description == text)
    }

    @Test(
        "refuses a malformed MAC address",
        arguments: [
            "", "52:54:00:11:22", "52:54:00:11:22:33:44", "52-54-00-11-22-33", "5254.0011.2233", "52:54:00:11:22:g3",
        ])
    func malformedMAC(text: String) { #expect(throws: MalformedValue.self) { try MACAddress(text) } }

    @Test("recognizes a MAC address that no VF can have")
    func macKinds() {
        #expect(MACAddress(rawValue: 0).isZero)
        #expect(("01:00:5e:00:00:01" as MACAddress).isMulticast)
        #expect(!("52:54:00:11:22:33" as MACAddress).isMulticast)
    }

    @Test(
        "a VLAN id is 1 to 4094", arguments: [("1", true), ("4094", true), ("0", false), ("4095", false), ("x", false)])
    func vlan(text: String, isValid: Bool) {
        #expect(((try? VLANID(text)) != nil) == isValid)
    }

    @Test(
        "reads and prints NUMA policies",
        arguments: [
            ("none", NUMAPolicy.none), ("preferred", .preferred(node: nil)), ("preferred:0", .preferred(node: 0)),
            ("required", .required(node: nil)), ("required:12", .required(node: 12)),
        ])
    func numa(text: String, policy: NUMAPolicy) throws {
        #expect(try NUMAPolicy(text) == policy)
        #expect(policy.description == text)
    }

    @Test(
        "refuses a malformed NUMA policy",
        arguments: ["", "None", "none:1", "required:", "required:-1", "required:x", "required:1:2", "near", ":1"])
    func malformedNUMA(text: String) { #expect(throws: MalformedValue.self) { try NUMAPolicy(text) } }

    @Test("a domain is an owner by its UUID, in lower case")
    func domainOwner() throws {
        let owner = try Owner("domain:6F9619FF-8B86-D011-B42D-00C04FC964FF")
        #expect(owner == .domain(uuid: "6f9619ff-8b86-d011-b42d-00c04fc964ff"))
        #expect(owner.description == "domain:6f9619ff-8b86-d011-b42d-00c04fc964ff")
        #expect(try Owner("unit:dpdk@0.service") == .unit("dpdk@0.service"))
        #expect(try Owner("process:4@17") == .process(pid: 4, startTime: 17))
        for text in ["unit:dpdk@0.service", "process:4@17", "uplink:1"] { #expect(try Owner(text).description == text) }
        #expect(try Owner("router-7") == .name("router-7"))
    }

    @Test(
        "refuses a malformed owner",
        arguments: [
            "", "two words", "tab\t", "domain:", "unit:", "unit:dpdk", "unit:a b.service", "unit:../x.service", "pid:4",
            "process:4", "process:0@1", "process:4@x", "domain:fw1", "domain:6f9619ff8b86d011b42d00c04fc964ff",
            String(repeating: "x", count: 201),
        ])
    func malformedOwner(text: String) { #expect(throws: MalformedValue.self) { try Owner(text) } }

    @Test("distinguishes a vendor's VFIO driver from a host driver")
    func vfioDrivers() {
        for name in ["vfio-pci", "mlx5_vfio_pci", "nvgrace-gpu-vfio-pci"] { #expect(VFIO.isVFIODriver(name)) }
        for name in ["igb", "vfio", "vfio-pci-core", ""] { #expect(!VFIO.isVFIODriver(name)) }
    }

    @Test("the difference of settings is what remains to be set, and restoring resets only that")
    func settings() throws {
        let wanted = VFSettings(mac: "52:54:00:11:22:33", vlan: .id(try #require(VLANID(42))))
        let observed = VFSettings(
            mac: "52:54:00:11:22:33", vlan: VFSettings.VLANChoice.none, trust: false, spoofCheck: true)
        #expect(wanted.difference(from: observed) == VFSettings(vlan: wanted.vlan))
        #expect(observed.restoring(wanted) == VFSettings(mac: observed.mac, vlan: VFSettings.VLANChoice.none))
        #expect(wanted.description == "mac 52:54:00:11:22:33, vlan 42")
        #expect(VFSettings().isSatisfied(by: observed))
    }

    @Test("a VLAN tag is set as a whole: another priority or protocol is another tag")
    func tags() throws {
        let id = try #require(VLANID(42))
        let observed = VFSettings(vlan: .tag(VLANTag(id, qos: 3, protocol: .dot1ad)))
        #expect(VFSettings(vlan: .id(id)).difference(from: observed) == VFSettings(vlan: .id(id)))
        #expect(observed.description == "vlan 42 qos 3 802.1ad")
        #expect(observed.isSatisfied(by: observed))
    }

    @Test("if one rate is set, the other is included with its present value")
    func rates() {
        let observed = VFSettings(minTxRateMbps: 100, maxTxRateMbps: 1000)
        #expect(
            VFSettings(maxTxRateMbps: 500).difference(from: observed)
                == VFSettings(minTxRateMbps: 100, maxTxRateMbps: 500))
        #expect(VFSettings(maxTxRateMbps: 1000).difference(from: observed).isEmpty)
        #expect(observed.restoring(VFSettings(maxTxRateMbps: 500)) == VFSettings(maxTxRateMbps: 1000))
    }

    @Test("each field that is set overrides its default")
    func filling() {
        let asked = VFSettings(mac: "52:54:00:11:22:33", trust: false)
        let defaults = VFSettings(trust: true, spoofCheck: false, linkState: .enable, maxTxRateMbps: 10)
        #expect(
            asked.filled(from: defaults)
                == VFSettings(
                    mac: "52:54:00:11:22:33", trust: false, spoofCheck: false, linkState: .enable, maxTxRateMbps: 10))
        #expect(VFSettings().filled(from: defaults) == defaults)
    }
}

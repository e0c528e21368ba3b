// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import HostSimulator
import Testing

@testable import DomainXML

@Suite("Ports of the guest's, taken and kept free")
struct PortTests {
    @Test("free ports are foreseen once libvirt has given every device its place")
    func free() throws {
        #expect(try domain(Corpus.virtInstall).freeHotplugPorts == nil)
        #expect(try domain(Samples.i440fx).freeHotplugPorts == nil)
        let placed = Corpus.q35("<controller type='pci' index='0' model='pcie-root'/><memballoon model='none'/>")
        #expect(try domain(placed).freeHotplugPorts == 0)
        let two = try domain(placed).addingSparePorts(upTo: 2).text
        #expect(try domain(two).freeHotplugPorts == 2)
        #expect(try domain(two).addingSparePorts(upTo: 2).text == two)
        let rigid = two.with(
            "<alias name='ua-lane-spare-1'/>", as: "<target hotplug='off'/><alias name='ua-lane-spare-1'/>")
        #expect(try domain(rigid).freeHotplugPorts == 1)
        let taken = two.with("<memballoon model='none'/>", as: "<vsock><address type='pci' bus='1' slot='0'/></vsock>")
        #expect(try domain(taken).freeHotplugPorts == 1)
        #expect(try domain(two.with("<memballoon", as: "<interface type='user'/><memballoon")).freeHotplugPorts == nil)
    }

    @Test("spare ports: the next indexes, eight to a slot, and libvirt's schema takes them")
    func spares() throws {
        let xml = try domain(Corpus.expanders).addingSparePorts(upTo: 12).text
        #expect(try Schema.complaint(about: xml, by: Schema.domain) == nil)
        let ports = try buses(xml).ports
        #expect(ports.map(\.index) == Array(3...14))
        #expect(xml.contains("slot='0x04' function='0x0' multifunction='on'"))
        #expect(xml.contains("slot='0x05' function='0x2'"))
        #expect(try domain(Samples.i440fx).addingSparePorts(upTo: 4).text == Samples.i440fx)
    }

    @Test("hot plug uses the free port on the device's node, otherwise libvirt chooses the place")
    func plugging() throws {
        func nic(_ name: String, on node: Int?) throws -> DeviceSpec {
            try DeviceSpec(address: address("81:10.0"), kind: .interface, name: name, alignedTo: node)
        }
        let guest = try domain(Corpus.expanders)
        let port = "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>"
        #expect(guest.plugging(try nic("data0", on: 1)).contains(port))
        for node in [0, nil] { #expect(try !guest.plugging(nic("data0", on: node)).contains(port)) }
        let taken = try guest.adding([nic("data0", on: 1)])
        #expect(try !taken.plugging(nic("data1", on: 1)).contains("bus='0x03'"))
        let rigid = Corpus.expanders.with(
            "<controller type='pci' index='3' model='pcie-root-port'>",
            as: "<controller type='pci' index='3' model='pcie-root-port'><target hotplug='off'/>")
        #expect(try !domain(rigid).plugging(nic("data0", on: 1)).contains(port))
    }

    @Test("a bus without room refuses")
    func full() throws {
        let base = try domain(Corpus.q35("<memballoon model='none'/>"))
        #expect(refusal { try base.addingSparePorts(upTo: 300) } != nil)
        let slots = (0...31).map { "<vsock><address type='pci' bus='0' slot='\($0)'/></vsock>" }.joined()
        for full in [Corpus.q35(slots), Corpus.q35(slots).with("pc-q35-7.2", as: "pc-i440fx-7.2")] {
            let error = refusal {
                try domain(full).adding([device("c1:00.0,name=gpu"), device("c1:00.1,name=sound,companion=gpu")]).text
            }
            #expect(error == .noGuestSlot(for: "gpu"))
        }
    }

    @Test("indexes follow those that libvirt will give to controllers without one, and buses that addresses name")
    func indexes() throws {
        func next(_ devices: String) throws -> [Int] {
            let xml = try domain(Corpus.q35(devices)).addingSparePorts(upTo: 1).text
            return try buses(xml).ports.filter { $0.alias != nil }.map(\.index)
        }
        #expect(try next("") == [1])
        #expect(
            try next("<controller type='pci' model='pcie-root'/><controller type='pci' model='pcie-root-port'/>") == [2]
        )
        let gap =
            "<controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='7' model='pcie-root-port'/>"
        #expect(try next(gap + "<vsock><address type='pci' bus='7'/></vsock>") == [8])
        #expect(try next("<vsock><address type='pci' bus='0x0a'/></vsock>") == [11])
    }

    @Test(
        "random devices, companions and nodes: no two at one place, indexes without a gap, none twice", arguments: 0..<8
    )
    func property(seed: Int) throws {
        var random = FixedSeed(UInt64(0xb05 + seed))
        for _ in 0..<60 {
            var specs: [DeviceSpec] = []
            for card in 0..<Int.random(in: 1...6, using: &random) {
                let bus = String(0x20 + card, radix: 16)
                let node = Bool.random(using: &random) ? Int.random(in: 0...1, using: &random) : nil
                specs.append(
                    try DeviceSpec(
                        address: address("\(bus):00.0"), kind: Bool.random(using: &random) ? .hostdev : .interface,
                        name: "card\(card)", alignedTo: node))
                for function in 1..<Int.random(in: 1...8, using: &random) {
                    specs.append(device("\(bus):00.\(function),name=c\(card)-\(function),companion=card\(card)"))
                }
            }
            let start = try #require(
                [Corpus.virtInstall, Corpus.expanders, Samples.i440fx, Samples.q35, Corpus.q35("")].randomElement(
                    using: &random))
            var xml = start
            if Bool.random(using: &random) {
                xml = try domain(xml).addingSparePorts(upTo: Int.random(in: 1...3, using: &random)).text
            }
            let prepared = xml
            // Add some, remove some, add them again: existing places are kept.
            let half = specs.filter { $0.companionOf == nil || Bool.random(using: &random) }
            xml = try domain(xml).adding(half).text
            try check(xml, startedFrom: start)
            xml = try domain(xml).adding(specs).text
            try check(xml, startedFrom: start)
            let going = Set(specs.filter { _ in Bool.random(using: &random) }.map { $0.companionOf ?? $0.name })
            let names = Set(specs.filter { going.contains($0.companionOf ?? $0.name) }.map(\.name))
            xml = try domain(xml).removing(names: names).text
            try check(xml, startedFrom: start)
            xml = try domain(xml).adding(specs.shuffled(using: &random)).text
            try check(xml, startedFrom: start)
            #expect(try domain(xml).adding(specs).text == xml)
            #expect(try domain(xml).removing(names: Set(specs.map(\.name))).text == prepared)
        }
    }

    private func buses(_ xml: String) throws -> GuestBuses { GuestBuses(try domain(xml).document.root) }

    private func check(_ xml: String, startedFrom start: String) throws {
        let devices = try domain(xml).document.root.all("devices").flatMap(\.children)
        // The sample's disk and interface are at one place already; ours are not to be.
        let ours = devices.filter { $0.first("alias")?["name"]?.hasPrefix("ua-") == true }.compactMap(
            GuestAddress.init(of:))
        let others = devices.filter { $0.first("alias")?["name"]?.hasPrefix("ua-") != true }.compactMap(
            GuestAddress.init(of:))
        #expect(Set(ours).count == ours.count)
        #expect(Set(ours).isDisjoint(with: others))
        let before = try buses(start).controllers.keys
        let after = devices.filter { $0["type"] == "pci" && $0.name == "controller" }.compactMap {
            $0["index"].flatMap { Int($0) }
        }
        #expect(Set(after).count == after.count)
        let added = Set(after).subtracting(before).sorted()
        if let first = added.first, let last = added.last { #expect(added == Array(first...last)) }
        for place in ours where place.function > 0 && place.bus > 0 {
            let first = try #require(
                devices.first { GuestAddress(of: $0) == GuestAddress(bus: place.bus, slot: place.slot) })
            #expect(first.first("address")?["multifunction"] == "on")
        }
    }
}

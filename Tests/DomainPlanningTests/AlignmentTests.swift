// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainSamples
import HostModel
import HostSimulator
import Testing

@testable import DomainXML

@Suite("Where a domain is on the host, and where it should be")
struct AlignmentTests {
    /// CPUs 0-3 on node 0, 4-7 on node 1, memory alone on node 2.
    private let host = [Host.node(0, cpus: "0-3"), Host.node(1, cpus: "4-7"), Host.node(2, cpus: "")]
    private let data0 = DeviceNode(name: "data0", node: 1)
    private let data1 = DeviceNode(name: "data1", node: 0)

    /// A guest of four vCPUs without nodes.
    private func guest(_ tuning: String = "", vcpu: String = "<vcpu>4</vcpu>") -> String {
        Corpus.q35("<memballoon model='none'/>").with("  <vcpu>2</vcpu>\n", as: "  \(vcpu)\n\(tuning)")
    }

    /// A guest that sees two nodes of two vCPUs each.
    private func nodes(_ tuning: String = "", vcpu: String = "<vcpu>4</vcpu>") -> String {
        guest(tuning, vcpu: vcpu).with(
            "  <devices>",
            as: """
                  <cpu>
                    <numa>
                      <cell id='0' cpus='0-1' memory='256' unit='MiB'/>
                      <cell id='1' cpus='2-3' memory='256' unit='MiB'/>
                    </numa>
                  </cpu>
                  <devices>
                """)
    }

    // MARK: - Checking

    @Test("a vCPU pinned to the wrong node, with both sides")
    func wrongPin() throws {
        let xml = guest("  <cputune><vcpupin vcpu='0' cpuset='0-3'/></cputune>\n", vcpu: "<vcpu cpuset='4-7'>4</vcpu>")
            .with("<os>", as: "<numatune><memory nodeset='1'/></numatune><os>")
        let found = try domain(xml).placement.misalignments(of: [data0], on: host)
        #expect(found.map(\.description) == ["vCPU 0 is pinned to CPUs 0-3 (node 0), device 'data0' is on node 1"])
        #expect(found.allSatisfy { $0.isConflict })
    }

    @Test("a placement that the XML leaves open is reported as open")
    func open() throws {
        let found = try domain(guest()).placement.misalignments(of: [data0], on: host)
        #expect(
            found.map(\.description) == [
                "vCPUs 0-3 are pinned to no CPUs, device 'data0' is on node 1",
                "the domain's memory is bound to no node, device 'data0' is on node 1",
            ])
        #expect(!found.contains { $0.isConflict })
        let automatic = try domain(guest(vcpu: "<vcpu placement='auto'>4</vcpu>")).placement
        #expect(automatic.misalignments(of: [data0], on: host).first?.place == .automatic)
        #expect(try domain(guest()).placement.misalignments(of: [], on: host) == [])
    }

    @Test("memory on the wrong node; a second device that nothing is near")
    func wrongMemory() throws {
        let xml = guest(
            "  <numatune><memory mode='strict' nodeset='0'/></numatune>\n", vcpu: "<vcpu cpuset='4-7'>4</vcpu>")
        let placement = try domain(xml).placement
        #expect(
            placement.misalignments(of: [data0], on: host).map(\.description)
                == ["the domain's memory is bound to node 0, device 'data0' is on node 1"])
        #expect(
            placement.misalignments(of: [data0, data1], on: host).map(\.description)
                == ["vCPUs 0-3 are pinned to CPUs 4-7 (node 1), device 'data1' is on node 0"])
    }

    @Test("a guest with nodes has one near each device; its others may be anywhere")
    func guestNodes() throws {
        let pins = "  <cputune><vcpupin vcpu='2' cpuset='4-5'/><vcpupin vcpu='3' cpuset='6'/></cputune>\n"
        let memory = "  <numatune><memnode cellid='1' mode='strict' nodeset='1'/></numatune>\n"
        #expect(try domain(nodes(pins + memory)).placement.misalignments(of: [data0], on: host) == [])
        let wrong = try domain(nodes(pins.with("cpuset='6'", as: "cpuset='0,7'") + memory)).placement
        #expect(
            wrong.misalignments(of: [data0], on: host).map(\.description)
                == ["vCPU 3 is pinned to CPUs 0,7 (nodes 0-1), device 'data0' is on node 1"])
        let other = try domain(nodes(memory.with("nodeset='1'", as: "nodeset='0'"))).placement
        #expect(
            other.misalignments(of: [data0], on: host).map(\.description) == [
                "the memory of the guest's node 0 is bound to no node, device 'data0' is on node 1",
                "the memory of the guest's node 1 is bound to node 0, device 'data0' is on node 1",
            ])
    }

    // MARK: - Aligning

    @Test("a free domain goes to its device's node, in the layout of the document")
    func alignsFree() throws {
        let xml = try domain(guest()).aligned(to: [data0], on: host).text
        let expected = guest().with(
            "  <devices>\n",
            as: """
                  <cputune>
                    <vcpupin vcpu='0' cpuset='4-7'/>
                    <vcpupin vcpu='1' cpuset='4-7'/>
                    <vcpupin vcpu='2' cpuset='4-7'/>
                    <vcpupin vcpu='3' cpuset='4-7'/>
                    <emulatorpin cpuset='4-7'/>
                  </cputune>
                  <numatune>
                    <memory mode='strict' nodeset='1'/>
                  </numatune>
                  <devices>

                """)
        #expect(xml == expected)
        #expect(try Schema.complaint(about: xml, by: Schema.domain) == nil)
        #expect(try domain(xml).aligned(to: [data0], on: host).text == xml)
        #expect(try domain(xml).placement.misalignments(of: [data0], on: host) == [])
    }

    @Test("devices on two nodes: on both, in a guest without nodes of its own")
    func alignsBoth() throws {
        let placement = try domain(guest()).aligned(to: [data0, data1], on: host).placement
        #expect(placement.memory?.nodes == NumberSet([0, 1]))
        #expect(placement.cpus(ofVCPU: 3) == NumberSet([0, 1, 2, 3, 4, 5, 6, 7]))
        #expect(placement.misalignments(of: [data0, data1], on: host) == [])
    }

    @Test("a guest with nodes: one on the device's node, an expander bus there, the device behind a port on it")
    func alignsGuestNodes() throws {
        let aligned = try domain(nodes()).aligned(to: [data0], on: host).text
        let nic = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 1)
        let gpu = try DeviceSpec(address: address("82:00.0"), kind: .hostdev, name: "gpu0", alignedTo: 1)
        let sound = device("82:00.1,name=sound0,companion=gpu0")
        let xml = try domain(aligned).adding([nic, gpu, sound]).text
        let added = [
            "<vcpupin vcpu='0' cpuset='4-7'/>", "<vcpupin vcpu='1' cpuset='4-7'/>", "<emulatorpin cpuset='4-7'/>",
            "<memnode cellid='0' mode='strict' nodeset='1'/>",
            """
                <controller type='pci' index='1' model='pcie-expander-bus'>
                  <alias name='ua-lane-node-0'/>
                  <target busNr='64'>
                    <node>0</node>
                  </target>
                </controller>
                <controller type='pci' index='2' model='pcie-root-port'>
                  <alias name='ua-lane-port-data0'/>
                  <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
                </controller>
                <interface type='hostdev' managed='no'>
                  <source>
                    <address type='pci' domain='0x0000' bus='0x81' slot='0x10' function='0x0'/>
                  </source>
                  <alias name='ua-buslane-data0'/>
                  <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
                </interface>
                <controller type='pci' index='3' model='pcie-root-port'>
                  <alias name='ua-lane-port-gpu0'/>
                  <address type='pci' domain='0x0000' bus='0x01' slot='0x01' function='0x0'/>
                </controller>
            """,
            "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0' multifunction='on'/>",
        ]
        for part in added { #expect(xml.contains(part), "\(part)\n\(xml)") }
        #expect(!xml.contains("vcpu='2'") && !xml.contains("cellid='1'"))
        #expect(try Schema.complaint(about: xml, by: Schema.domain) == nil)
        #expect(try domain(xml).aligned(to: [data0], on: host).text == xml)
        #expect(try domain(xml).adding([nic, gpu, sound]).text == xml)
        #expect(try domain(xml).placement.misalignments(of: [data0], on: host) == [])
        #expect(try domain(xml).removing(names: ["data0", "gpu0", "sound0"]).text == aligned)
    }

    @Test("each device's report says whether vCPUs, memory and the guest's node fit")
    func alignmentOfEach() throws {
        func told(_ xml: String, _ device: DeviceNode, among all: [DeviceNode]) throws -> [DeviceAlignment.Fit?] {
            let found = try DeviceAlignment(of: device, among: all, in: domain(xml), on: host)
            return [found.vcpus, found.memory, found.guestNode]
        }
        // Without nodes: what is near one of two devices is not far from the other.
        #expect(try told(guest(), data0, among: [data0]) == [.open, .open, nil])
        let pinned = "<vcpu cpuset='4-7'>4</vcpu>"
        let bound = "<numatune><memory nodeset='1'/></numatune>"
        #expect(try told(guest(bound, vcpu: pinned), data0, among: [data0, data1]) == [.fits, .fits, nil])
        #expect(try told(guest(bound, vcpu: pinned), data1, among: [data0, data1]) == [.differs, .fits, nil])
        #expect(try told(guest(bound, vcpu: pinned), data1, among: [data1]) == [.differs, .differs, nil])
        // Where the host has one node there is nothing to be open.
        let only = DeviceNode(name: "data1", node: 0)
        let alone = try DeviceAlignment(of: only, among: [only], in: domain(guest()), on: Array(host.prefix(1)))
        #expect(alone.vcpus == .fits && alone.problems.isEmpty)
        // With nodes: the device is seen where its expander bus is, and nowhere without one.
        let nic = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 1)
        let plain = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0")
        let aligned = try domain(nodes()).aligned(to: [data0], on: host).text
        #expect(try told(domain(aligned).adding([nic]).text, data0, among: [data0]) == [.fits, .fits, .fits])
        #expect(try told(domain(aligned).adding([plain]).text, data0, among: [data0]) == [.fits, .fits, .open])
        let both = try domain(nodes()).aligned(to: [data0, data1], on: host).text
        let wrong = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 0)
        #expect(try told(domain(both).adding([wrong]).text, data0, among: [data0]) == [.fits, .fits, .differs])
        // Which vCPUs are meant cannot be told where no node is the device's.
        #expect(try told(domain(nodes()).adding([plain]).text, data0, among: [data0]) == [nil, .open, .open])
    }

    @Test("a node for each device; an owner's own expander bus and nodes are used")
    func alignsToOwners() throws {
        let both = try domain(nodes()).aligned(to: [data0, data1], on: host)
        #expect(GuestNodes(of: both).expanders == [1: 1, 0: 2])
        #expect(
            both.document.root.first("devices")?.all("controller").compactMap { $0.first("target")?["busNr"] } == [
                "64", "96",
            ])
        // The sample's nodes are where these devices are, and its expander buses stand for them.
        let owners = try domain(Corpus.expanders)
        let aligned = try owners.aligned(to: [data0], on: host).text
        #expect(aligned.isInsertion(into: Corpus.expanders))
        #expect(!aligned.contains("ua-lane-node"))
        let nic = try DeviceSpec(address: address("81:10.0"), kind: .interface, name: "data0", alignedTo: 1)
        // Its port on that bus is free, and is taken.
        #expect(
            try domain(aligned).adding([nic]).text.contains("bus='0x03' slot='0x00' function='0x0'/>\n    </interface>")
        )
    }

    @Test("vCPUs pinned already choose the guest's node; a cpuset is a limit that is kept")
    func respects() throws {
        let pinned = nodes("  <cputune>\n    <vcpupin vcpu='2' cpuset='5'/>\n  </cputune>\n")
        let xml = try domain(pinned).aligned(to: [data0], on: host).text
        #expect(xml.contains("<memnode cellid='1' mode='strict' nodeset='1'/>"))
        #expect(
            xml.contains(
                "    <vcpupin vcpu='2' cpuset='5'/>\n    <vcpupin vcpu='3' cpuset='4-7'/>\n    <emulatorpin cpuset='4-7'/>\n  </cputune>"
            ))
        let limited = try domain(guest(vcpu: "<vcpu cpuset='2-5'>4</vcpu>")).aligned(to: [data0], on: host).text
        #expect(limited.contains("<vcpupin vcpu='3' cpuset='4-5'/>"))
        #expect(limited.contains("<emulatorpin cpuset='4-5'/>"))
        let inside = try domain(guest(vcpu: "<vcpu cpuset='4-5'>4</vcpu>")).aligned(to: [data0], on: host).text
        #expect(!inside.contains("<vcpupin"))
        #expect(inside.contains("<emulatorpin cpuset='4-5'/>"))
        // Each vCPU has CPUs of its own there, and the limit has none.
        let pins = (0..<4).map { "<vcpupin vcpu='\($0)' cpuset='4-7'/>" }.joined()
        let outside = guest("  <cputune>\(pins)</cputune>\n", vcpu: "<vcpu cpuset='0-1'>4</vcpu>")
        #expect(try !domain(outside).aligned(to: [data0], on: host).text.contains("<emulatorpin"))
        let emulator = guest("  <cputune><emulatorpin cpuset='0'/></cputune>\n")
        #expect(try domain(emulator).aligned(to: [data0], on: host).text.contains("emulatorpin cpuset='4-7'") == false)
    }

    @Test("pinning is never written over: a conflict is refused with both sides")
    func conflicts() throws {
        let cases: [(String, String)] = [
            (
                guest("  <cputune><vcpupin vcpu='1' cpuset='0-1'/></cputune>\n"),
                "vCPU 1 is pinned to CPUs 0-1 (node 0), device 'data0' is on node 1"
            ),
            (
                guest("  <numatune><memory nodeset='0'/></numatune>\n"),
                "memory is bound to node 0, device 'data0' is on node 1"
            ),
            (guest(vcpu: "<vcpu cpuset='0-3'>4</vcpu>"), "vCPU 3 is pinned to CPUs 0-3"),
            (guest(vcpu: "<vcpu placement='auto'>4</vcpu>"), "numad"),
            (
                nodes("  <numatune><memory nodeset='0'/></numatune>\n"),
                "the memory of the guest's node 0 is bound to node 0"
            ),
            (
                nodes(
                    "  <numatune><memnode cellid='0' nodeset='1'/></numatune>  <cputune><vcpupin vcpu='0' cpuset='3'/></cputune>\n"
                ), "vCPU 0 is pinned to CPU 3 (node 0)"
            ),
        ]
        for (xml, words) in cases {
            let error = refusal({ try domain(xml).aligned(to: [data0], on: host) }, as: MisalignedDomain.self)
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "no error"): \(words)")
            #expect(error?.remedy != nil)
        }
    }

    @Test("a guest of the most vCPUs and CPUs is judged, and its conflicts are counted")
    func most() throws {
        let xml = guest(vcpu: "<vcpu cpuset='0-16383'>16384</vcpu>")
        let placement = try domain(xml).placement
        let found = placement.misalignments(of: [data0, data1], on: host)
        #expect(found.count == 1 << 14 || found.count == (1 << 14) + 1)
        let report = MisalignedDomain(found).report
        #expect(report.message.contains("more") && report.message.utf8.count < 2000)
        #expect(try domain(xml).aligned(to: [data0], on: host).placement.vcpuPins.count == 1 << 14)
    }

    @Test("more devices' nodes than the guest has")
    func tooManyNodes() throws {
        let third = DeviceNode(name: "data2", node: 2)
        let error = refusal(
            { try domain(nodes()).aligned(to: [data0, data1, third], on: host) }, as: MisalignedDomain.self)
        #expect(error?.description.contains("'data2' is on node 2") == true, "\(String(describing: error))")
    }

    // MARK: - Any document

    @Test("aligning twice is aligning once, and only adds", arguments: Corpus.all)
    func aligned(document: Corpus.Document) throws {
        let nodes = [Host.node(0, cpus: "0-3"), Host.node(1, cpus: "4-7")]
        let devices = [DeviceNode(name: "nic0", node: 0)]
        let once = try domain(document.xml).aligned(to: devices, on: nodes).text
        #expect(try domain(once).aligned(to: devices, on: nodes).text == once)
        #expect(try domain(once).placement.misalignments(of: devices, on: nodes) == [])
    }

    @Test("a document with a byte changed is aligned or refused, never a crash, and aligned twice is aligned once")
    func changedEverywhere() throws {
        var random = FixedSeed(0xbad)
        let bytes = Array(Corpus.expanders.utf8)
        var count = 0
        for _ in 0..<400 {
            var other = bytes
            other[Int.random(in: 0..<other.count, using: &random)] = UInt8.random(in: 0x20...0x7e, using: &random)
            guard let domain = try? Domain(parsing: String(decoding: other, as: UTF8.self)),
                let once = try? domain.aligned(to: [data0], on: host)
            else { continue }
            count += 1
            #expect(try once.aligned(to: [data0], on: host) == once)
        }
        #expect(count > 100)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Domains that are aligned, and claims for domains that are refused")
struct AlignedDomainTests {
    private let scene: Scene
    private let root = PeerCredentials(pid: 1, uid: 0, gid: 0)

    init() async throws {
        scene = try Scene(
            HostSimulator {
                $0.numaNodes(2)
                $0.pf(Scene.card, totalVFs: 7, numa: 1, up: false)
            })
        try scene.configure(
            """
            physicalFunctions: [ { select: { addresses: ["\(Scene.card)"] }, vfCount: 2 } ]
            pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]
            """)
        try await scene.apply(Scene.declaring(2))
    }

    private func xml(align: String, _ tuning: String = "", devices: String = "") -> String {
        """
        <domain type='test'><name>fw1</name><uuid>\(Domain.uuid)</uuid><metadata>\
        <b:request xmlns:b='urn:buslane:request:1' align='\(align)'><b:device name='data0' pool='vfs'/></b:request>\
        </metadata><memory>1</memory><vcpu>1</vcpu>\(tuning)<devices>\(devices)</devices></domain>
        """
    }

    private func domains(_ xml: String, live: Bool = false) throws -> (DomainWiring, FakeLibvirt) {
        let fake = try FakeLibvirt(having: [], live: live, feed: DomainFeed())
        fake.change { state in
            state.config = xml
            if live { state.live = xml }
        }
        return (scene.domains(of: fake, feed: fake.feed, patience: .milliseconds(50)), fake)
    }

    @Test("an XML that is passed through gets the pins and the memory that its request asks for")
    func inject() async throws {
        let (wiring, _) = try domains(xml(align: "auto"))
        let plain = try await wiring.binder.inject(into: xml(align: "none"), by: root)
        #expect(!plain.text.contains("vcpupin"))
        let aligned = try await wiring.binder.inject(into: xml(align: "auto"), by: root)
        #expect(aligned.text.contains("<vcpupin vcpu='0' cpuset='4-7'/>"))
        #expect(aligned.text.contains("<memory mode='strict' nodeset='1'/>"))
        #expect(try await wiring.binder.inject(into: aligned.text, by: root).text == aligned.text)
        #expect(try await scene.ledger.claims().count == 1)
    }

    @Test("an XML that is refused leaves no claim behind")
    func refusedInject() async throws {
        let (wiring, _) = try domains(xml(align: "auto"))
        let pinned = xml(align: "auto", "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>")
        await #expect(throws: (any Error).self) { try await wiring.binder.inject(into: pinned, by: root) }
        let clash = xml(
            align: "none",
            devices: "<interface type='user'><alias name='ua-buslane-data0'/></interface>")
        await #expect(throws: DomainXMLError.self) { try await wiring.binder.inject(into: clash, by: root) }
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("an attach that is refused or fails leaves no claim behind, and one made before stays")
    func refusedAttach() async throws {
        let pinned = xml(align: "auto", "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>")
        let (misaligned, _) = try domains(pinned)
        await #expect(throws: (any Error).self) { try await misaligned.guests.attach("fw1", .init(), by: root) }
        #expect(try await scene.ledger.claims().isEmpty)

        let (unwritable, fake) = try domains(xml(align: "none"))
        fake.change { $0.definesFail = true }
        await #expect(throws: (any Error).self) { try await unwritable.guests.attach("fw1", .init(), by: root) }
        #expect(try await scene.ledger.claims().isEmpty)

        let (running, guest) = try domains(xml(align: "none"), live: true)
        guest.change { $0.attachFails = "data0" }
        await #expect(throws: (any Error).self) { try await running.guests.attach("fw1", .init(), by: root) }
        #expect(try await scene.ledger.claims().isEmpty)

        let owner = Owner.domain(uuid: Domain.uuid)
        _ = try await scene.allocate(for: owner, name: "mine")
        await #expect(throws: (any Error).self) { try await unwritable.guests.attach("fw1", .init(), by: root) }
        #expect(try await scene.ledger.claims().flatMap(\.assignments).map(\.name) == ["mine"])
    }
}

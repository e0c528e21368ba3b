// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("The XML of domains whose card has another address", .timeLimit(.minutes(5)))
struct MovedDomainTests {
    private static let moved: PCIAddress = "0000:3c:00.0"
    private static let two = "<b:device name='a' pool='few' vlan='42'/><b:device name='b' pool='vfs'/>"

    /// The next process, after a boot in which the card has another bus.
    private func moved(_ at: DomainScene) async throws -> DomainScene {
        _ = at.scene.host.reboot(moving: [Scene.card: Self.moved])
        var at = at
        at.scene = try at.scene.next()
        at.domains = at.scene.domains(of: at.libvirt)
        try await at.scene.daemon.cards.recovery.recover()
        return at
    }

    /// The domain with a device that was claimed and attached without a request.
    private func attached() async throws -> (DomainScene, Claim) {
        let at = try await DomainScene()
        let claim = try await at.scene.allocate(for: DomainScene.owner, settings: VFSettings(trust: true), name: "a")
        let domain = try Domain(parsing: DomainScene.xml())
        _ = try await at.libvirt.define(try domain.adding(claim.assignments.map { try DeviceSpec($0) }).text)
        return (at, claim)
    }

    @Test("requested devices follow their claims; nothing else changes, and once is enough")
    func requested() async throws {
        let before = try await DomainScene()
        try await before.define(Self.two)
        try await before.sync()
        let xml = try await before.xml()
        let at = try await moved(before)
        #expect(try await at.sync() == ["moved a to 0000:3c:10.0", "moved b to 0000:3c:10.1"])
        #expect(try await at.injected() == ["a": "0000:3c:10.0", "b": "0000:3c:10.1"])
        let now = try await at.xml()
        #expect(now.contains("<tag id='42'/>") && now.contains("passwd='secret'") && now.contains("kept"))
        #expect(now.count == xml.count)
        #expect(try Domain(parsing: now).recorded.map(\.address) == ["0000:3c:10.0", "0000:3c:10.1"])
        #expect(
            try await at.scene.ledger.trail.newest().contains {
                $0.verb == "domain sync" && $0.detail.contains("moved a")
            })
        #expect(try await at.sync() == [])
        #expect(try await at.xml() == now)
    }

    @Test("so do devices without a request; one that was given another function by hand stays")
    func attachedByHand() async throws {
        let (before, _) = try await attached()
        let at = try await moved(before)
        #expect(try await at.sync() == ["moved a to 0000:3c:10.0"])
        #expect(try await at.injected() == ["a": "0000:3c:10.0"])
        #expect(try await at.sync() == [])
        let (other, _) = try await attached()
        let elsewhere = try await moved(other)
        try await elsewhere.edit {
            $0.replacing("bus='0x3b'", with: "bus='0x5e'").replacing("bus=\"0x3b\"", with: "bus=\"0x5e\"")
        }
        #expect(try await elsewhere.sync() == [])
        #expect(try await elsewhere.injected() == ["a": "0000:5e:10.0"])
    }

    @Test("a process that ends after the ledger's move leaves the rest to the next one, after two moves too")
    func later() async throws {
        let (before, _) = try await attached()
        var at = try await moved(before)
        _ = at.scene.host.reboot(moving: [Self.moved: "0000:3d:00.0"])
        at.scene = try at.scene.next()
        at.domains = at.scene.domains(of: at.libvirt)
        try await at.scene.daemon.cards.recovery.recover()
        #expect(try await at.injected() == ["a": "0000:3b:10.0"])
        try await at.sync()
        #expect(try await at.injected() == ["a": "0000:3d:10.0"])
    }

    @Test("a running guest is not touched: its persistent XML follows, for the next start")
    func running() async throws {
        let (before, _) = try await attached()
        try await before.libvirt.start(DomainScene.name)
        let at = try await moved(before)
        let live = try await at.libvirt.liveXML(of: DomainScene.name)
        try await at.sync()
        #expect(try await at.libvirt.liveXML(of: DomainScene.name) == live)
        #expect(try await at.injected() == ["a": "0000:3c:10.0"])
    }

    @Test("a start before the XML has followed is refused for now, and says what helps")
    func hook() async throws {
        let (before, claim) = try await attached()
        let at = try await moved(before)
        let domain = try Domain(parsing: try await at.xml())
        let refusal = await #expect(throws: Refusal.self) {
            try await at.scene.daemon.prepareHook.prepare(domain, by: .daemon)
        }
        #expect(
            refusal
                == .function(
                    claim.assignments[0].address, .claimHasMoved(device: "a", domain: "fw1", to: "0000:3c:10.0")))
        #expect(refusal?.report.kind == .notNow)
        #expect(refusal?.report.remedy?.contains("buslane domain sync fw1") == true)
    }

    @Test("a card in doubt leaves the XML as it is; a rebind takes it along")
    func rebind() async throws {
        let before = try await DomainScene(
            HostSimulator {
                $0.numaNodes(1)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, hasSlot: false)
                $0.pf(Self.moved, totalVFs: 7, numa: 0, hasSlot: false)
            })
        try await before.define("<b:device name='a' pool='vfs'/>")
        try await before.sync()
        _ = before.scene.host.reboot(moving: [Scene.card: Self.moved, Self.moved: "0000:3d:00.0"])
        var at = before
        at.scene = try before.scene.next()
        at.domains = at.scene.domains(of: at.libvirt)
        try await at.scene.daemon.cards.recovery.recover()
        let xml = try await at.xml()
        try await at.sync()
        #expect(try await at.xml() == xml)
        let claim = try await at.domains.binder.rebind("c1", to: .function(Self.moved, device: nil), by: Scene.root)
        #expect(claim.assignments.map(\.address) == ["0000:3c:10.0"])
        #expect(try await at.injected() == ["a": "0000:3c:10.0"])
        #expect(try await at.sync() == [])
    }
}

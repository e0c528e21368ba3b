// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Testing

@testable import buslaned

@Suite("Domains with more devices than there can be")
struct ManyDevicesTests {
    private let scene: DomainScene

    init() async throws {
        scene = try await DomainScene()
        for name in ["own0", "own1"] {
            _ = try await scene.scene.allocate(for: DomainScene.owner, name: name)
        }
    }

    private func xml(requesting count: Int) -> String {
        let devices = (0..<count).map { "<b:device name='d\($0)' pool='vfs'/>" }.joined()
        return DomainScene.xml(request: "<b:request xmlns:b='urn:buslane:request:1'>\(devices)</b:request>")
    }

    @Test("what a domain holds and what it requests is counted together, before anything is claimed")
    func together() async throws {
        let refusal = await #expect(throws: Refusal.self) {
            try await scene.domains.binder.inject(into: xml(requesting: 63), by: DomainScene.peer)
        }
        #expect(refusal == .domain(DomainScene.name, .tooManyDevices(65, limit: 64)))
        let full = await #expect(throws: Refusal.self) {
            try await scene.domains.binder.inject(into: xml(requesting: 62), by: DomainScene.peer)
        }
        // 64 are allowed, but there are not so many functions.
        #expect(full?.code != "too-many-devices" && full != nil)
        #expect(try await scene.scene.ledger.claims().count == 2)
    }

    @Test("a request for too many is refused by every way in")
    func request() async throws {
        let document = xml(requesting: 65)
        await #expect(throws: DomainXMLError.self) {
            try await scene.domains.binder.inject(into: document, by: DomainScene.peer)
        }
        await #expect(throws: DomainXMLError.self) {
            try await scene.scene.daemon.prepareHook.prepare(
                try Domain(parsing: document), by: DomainScene.peer.actor)
        }
        _ = try await scene.libvirt.define(document)
        await #expect(throws: DomainXMLError.self) {
            try await scene.domains.binder.sync(DomainScene.name, by: DomainScene.peer.actor)
        }
        await #expect(throws: DomainXMLError.self) {
            try await scene.domains.guests.attach(
                DomainScene.name, .init(scope: nil, devices: nil, wait: .seconds(1)), by: DomainScene.peer)
        }
        #expect(try await scene.scene.ledger.claims().count == 2)
    }
}

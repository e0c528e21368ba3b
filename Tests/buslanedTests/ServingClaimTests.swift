// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Testing

@testable import buslaned

@Suite("A claim serves a device only with the pool, node and settings that the XML requests")
struct ServingClaimTests {
    private let at: DomainScene

    init() async throws { at = try await DomainScene() }

    /// Requests that a claim of pool `few`, without a VLAN and a NUMA policy, does not serve.
    static let others = [
        "<b:device name='a' pool='vfs'/>", "<b:device name='a' pool='few' vlan='100'/>",
        "<b:device name='a' pool='few' mac='52:54:00:11:22:33'/>", "<b:device name='a' pool='few' trust='on'/>",
        "<b:device name='a' pool='few' numa='required:0'/>",
    ]
    private let few = Pool(name: "few", selector: Selector(addresses: [Scene.vf[0]]))

    /// A claim by hand: of the pool `few`.
    private func claim(_ settings: VFSettings = VFSettings()) async throws -> Claim {
        try await at.scene.daemon.allocator.allocate(
            ClaimRequest(
                pool: few, owner: DomainScene.owner, ownerName: "fw1", settings: settings, uid: 1000, deviceName: "a"),
            by: Scene.root)
    }

    private func refusal(of work: () async throws -> Void) async -> String? {
        do { try await work() } catch { return (error as? Refusal)?.code ?? "\(error)" }
        return nil
    }

    @Test("inject refuses another claim, and takes one that fits", arguments: others)
    func inject(device: String) async throws {
        let held = try await claim()
        let binder = at.domains.binder
        let xml = DomainScene.xml(request: DomainScene.request(device))
        #expect(
            await refusal { _ = try await binder.inject(into: xml, by: DomainScene.peer) } == "claim-differs")
        let fitting = DomainScene.xml(request: DomainScene.request("<b:device name='a' pool='few'/>"))
        let edited = try await binder.inject(into: fitting, by: DomainScene.peer)
        #expect(edited.devices.map(\.address) == [Scene.vf[0]])
        #expect(try await at.scene.ledger.claims().map(\.id) == [held.id])
    }

    @Test("a claim with more than the XML requests does not serve it either")
    func more() async throws {
        _ = try await claim(VFSettings(trust: true))
        let xml = DomainScene.xml(request: DomainScene.request("<b:device name='a' pool='few'/>"))
        let binder = at.domains.binder
        #expect(
            await refusal { _ = try await binder.inject(into: xml, by: DomainScene.peer) } == "claim-differs")
    }

    @Test("a start with the claim's device and another request is refused", arguments: others)
    func prepare(device: String) async throws {
        let held = try await claim()
        let domain = try Domain.guest(having: held.assignments, request: DomainScene.request(device))
        let hook = at.scene.daemon.prepareHook
        #expect(await refusal { try await hook.prepare(domain, by: Scene.root) } == "claim-differs")
        #expect(try await at.scene.ledger.claims().map(\.state) == [.bound])
        let fitting = try Domain.guest(
            having: held.assignments, request: DomainScene.request("<b:device name='a' pool='few'/>"))
        try await hook.prepare(fitting, by: Scene.root)
    }

    @Test("a start that claims makes a new claim instead", arguments: others)
    func running(device: String) async throws {
        let held = try await claim()
        let domain = try Domain.guest(having: [], request: DomainScene.request(device, binding: "running"))
        try await at.scene.daemon.prepareHook.prepare(domain, by: Scene.root)
        let claims = try await at.scene.ledger.claims()
        #expect(claims.count == 1 && claims[0].id != held.id && claims[0].owner == DomainScene.owner)
    }

    @Test("a reconciliation gives the domain what it requests, whatever was claimed by hand", arguments: others)
    func sync(device: String) async throws {
        _ = try await claim()
        try await at.define(device)
        try await at.sync()
        let domain = try Domain(parsing: try await at.xml())
        let request = try #require(try domain.request)
        let claims = try await at.scene.ledger.claims()
        #expect(claims.count == 1 && claims[0].lacks(for: request.devices[0], in: request).isEmpty)
        #expect(domain.injected.map(\.address) == claims[0].assignments.map(\.address))
    }
}

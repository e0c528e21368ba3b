// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Testing
import Wire

@testable import buslaned

@Suite("A guest starts with no function of another owner's, whoever put it into the XML")
struct ExclusiveStartTests {
    private let scene: Scene
    private let owner = Owner.domain(uuid: Domain.uuid)

    init() async throws {
        scene = try Scene()
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        try await scene.apply(Scene.declaring(4))
    }

    /// The ways in which a domain's XML can name a function without Buslane.
    enum Way: CaseIterable {
        case hostdev, interface, disk, option, json, request
    }

    private func guest(_ way: Way, _ address: PCIAddress = Scene.vf[0], request: String = "") throws -> Domain {
        let source =
            "<address domain='\(address.domain)' bus='\(address.bus)' slot='\(address.device)' "
            + "function='\(address.function)'/>"
        let hostdev = "<hostdev mode='subsystem' type='pci' managed='yes'><source>\(source)</source></hostdev>"
        var (devices, options, asked) = ("", "", request)
        switch way {
        case .hostdev: devices = hostdev
        case .interface: devices = "<interface type='hostdev' managed='yes'><source>\(source)</source></interface>"
        case .disk:
            devices =
                "<disk type='nvme' device='disk'><source type='pci' managed='yes' namespace='1'>\(source)</source></disk>"
        case .option: options = "<q:arg value='-device'/><q:arg value='vfio-pci,host=\(address)'/>"
        case .json:
            options = #"<q:arg value='-device'/><q:arg value='{"driver":"vfio-pci","host":"\#(address)"}'/>"#
        case .request:
            devices = hostdev
            asked = DomainScene.request("<b:device name='a' pool='vfs'/>", binding: "running")
        }
        return try Domain(
            parsing: """
                <domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>
                  <name>fw1</name><uuid>\(Domain.uuid)</uuid><metadata>\(asked)</metadata>
                  <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\(devices)</devices>
                  <q:commandline>\(options)</q:commandline>
                </domain>
                """)
    }

    private func call(_ operation: HookOperation, _ domain: Domain, isLate: Bool = false) async throws {
        let call = HookRequest(domain: domain.name, operation: operation, reason: "-", xml: "")
        try await scene.daemon.hooks.handle(call, about: domain, isLate: isLate, by: Scene.root)
    }

    @Test("another owner's function is refused, and nothing stays claimed for the start", arguments: Way.allCases)
    func claimed(way: Way) async throws {
        let claim = try await scene.allocate()
        let (actions, domain) = (scene.host.actions, try guest(way))
        await #expect(throws: Refusal.function(Scene.vf[0], .heldByClaim(claim: claim.id, owner: "fw1"))) {
            try await call(.prepare, domain)
        }
        #expect(try await scene.ledger.claims() == [claim] && scene.host.actions == actions)
        #expect(scene.daemon.guests.users.isEmpty)
        try await scene.release(claim)
        try await call(.prepare, domain)
    }

    @Test("a function in quarantine is refused", arguments: Way.allCases)
    func quarantined(way: Way) async throws {
        try await scene.ledger.quarantine(Scene.vf[0], reason: "in doubt")
        await #expect(throws: Refusal.function(Scene.vf[0], .quarantined(reason: "in doubt"))) {
            try await call(.prepare, try guest(way))
        }
    }

    @Test("a PF whose VF is claimed is refused: libvirt would unbind its driver")
    func physicalFunction() async throws {
        _ = try await scene.allocate()
        let refusal = await #expect(throws: Refusal.self) { try await call(.prepare, try guest(.hostdev, Scene.card)) }
        #expect(refusal?.code == "held-by-claim")
    }

    @Test("the domain's own claim serves a plain device: in use from the start to the stop, and ready")
    func own() async throws {
        let claim = try await scene.allocate(for: owner)
        try scene.host.meanwhile(.unbindDriver(Scene.vf[0]))
        let domain = try guest(.hostdev)
        try await call(.prepare, domain)
        let used = try #require(try await scene.ledger.claim(claim.id))
        #expect(used.state == .inUse && used.generation == claim.generation + 1)
        #expect(scene.host.now[Scene.vf[0]]?.isOnVFIO == true)
        try await call(.release, domain)
        #expect(try await scene.ledger.claim(claim.id)?.state == .bound)
    }

    @Test("a request's device is never the function that the XML names by hand")
    func twice() async throws {
        try await call(.prepare, try guest(.request))
        #expect(try await scene.ledger.claims().flatMap(\.assignments).map(\.address) == [Scene.vf[1]])
    }

    @Test(
        "from the hook's answer on, a function that a guest starts with is claimed by nobody else; after its stop it is"
    )
    func starting() async throws {
        let domain = try guest(.hostdev)
        try await call(.prepare, domain)
        #expect(try await scene.allocate().assignments.map(\.address) == [Scene.vf[1]])
        try await call(.release, domain)
        #expect(try await scene.allocate(for: .name("fw2")).assignments.map(\.address) == [Scene.vf[0]])
    }

    @Test("a start and a claim at once: one of the two is refused or takes another function", arguments: 0..<10)
    func race(round: Int) async throws {
        let domain = try guest(.hostdev)
        async let made = scene.allocate()
        for _ in 0..<round { await Task.yield() }
        let started = (try? await call(.prepare, domain)) != nil
        let address = try await made.assignments[0].address
        #expect(!started || address != Scene.vf[0])
    }

    @Test("a start that passed without a daemon is recorded, and changes nothing; a conflict is an event")
    func unasked() async throws {
        let claim = try await scene.allocate()
        let (actions, newest) = (scene.host.actions, try await scene.ledger.events().last?.id ?? 0)
        try await call(.prepare, try guest(.request), isLate: true)
        try await call(.prepare, try guest(.hostdev, Scene.vf[1]), isLate: true)
        #expect(try await scene.ledger.claims() == [claim] && scene.host.actions == actions)
        let entries = try await scene.ledger.trail.newest().suffix(2)
        #expect(entries.allSatisfy { $0.verb == "hook prepare" && $0.result.contains("no daemon ran") })
        let events = try await scene.ledger.events(after: newest)
        #expect(events.map(\.kind) == [.degraded] && events.map(\.subject) == ["\(Scene.vf[0])"])
    }
}

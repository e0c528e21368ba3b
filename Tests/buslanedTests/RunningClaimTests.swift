// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Ledger
import Libvirt
import SystemServices
import TemporaryFiles
import Testing
import Wire

@testable import buslaned

@Suite("Claims made at a start, whose end is reported late or never")
struct RunningClaimTests {
    private var scene: Scene
    private let owner = Owner.domain(uuid: Domain.uuid)
    private static let other = "00000000-1d52-d8f3-2516-782e98ab3fa0"

    init() async throws {
        scene = try Scene()
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        try await scene.apply(Scene.declaring(2))
    }

    /// A domain that asks for devices, and has those of `assignments`.
    private func asking(
        _ devices: String, binding: String = "running", _ name: String = "fw1", uuid: String = Domain.uuid,
        having assignments: [Assignment] = []
    ) throws -> Domain {
        try .guest(
            name, uuid: uuid, having: assignments,
            request: "<b:request xmlns:b='urn:buslane:request:1' binding='\(binding)'>\(devices)</b:request>")
    }

    private let two = "<b:device name='a' pool='vfs' vlan='7'/><b:device name='b' pool='vfs'/>"
    private let one = "<b:device name='a' pool='vfs'/>"

    private func call(
        _ operation: String, _ domain: Domain, at: Int? = nil, boot: String? = nil, isLate: Bool = false
    ) async throws {
        let call = HookRequest(
            domain: domain.name, operation: HookOperation(rawValue: operation), reason: "shutdown", xml: "",
            bootID: boot, sinceBoot: at)
        try await scene.daemon.hooks.handle(call, about: domain, isLate: isLate, by: Scene.root)
    }

    @Test("are made ready, in use from the hook's answer on, and released at the stop")
    func made() async throws {
        let domain = try asking(two)
        try await call("prepare", domain)
        let claims = try await scene.ledger.claims()
        #expect(claims.map(\.state) == [.inUse, .inUse])
        #expect(claims.flatMap(\.assignments).map(\.name) == ["a", "b"])
        #expect(claims.allSatisfy { $0.owner == owner && $0.ownerName == "fw1" })
        let first = try #require(claims.first?.assignments.first)
        #expect(scene.host.now[first.address]?.driver == "vfio-pci")
        #expect(scene.host.now[first.address]?.vfSettings?.vlan == .id(try VLANID("7")))
        try await call("release", domain)
        #expect(try await scene.ledger.claims().isEmpty)
        #expect(scene.host.now[first.address]?.driver == nil)
        try await scene.expectAtRest()
    }

    @Test("are all or none: the refusal names the holder of the rest, and nothing stays claimed")
    func allOrNothing() async throws {
        _ = try await scene.allocate(for: .name("somebody"))
        let refusal = await #expect(throws: Refusal.self) { try await call("prepare", try asking(two)) }
        #expect(refusal?.code == "no-capacity")
        #expect(refusal?.message.contains("by somebody") == true, "\(refusal?.message ?? "")")
        #expect(try await scene.ledger.claims().map(\.owner) == [.name("somebody")])
        try await scene.expectAtRest()
    }

    @Test("of two starts for the last function one continues; the other's refusal names the holder", arguments: 0..<8)
    func last(round: Int) async throws {
        _ = try await scene.allocate(for: .name("somebody"))
        let (first, second) = (try asking(one), try asking(one, "fw2", uuid: Self.other))
        async let one = Result { try await call("prepare", first) }
        for _ in 0..<round { await Task.yield() }
        async let two = Result { try await call("prepare", second) }
        let outcomes = [("fw1", await one), ("fw2", await two)]
        let failed = outcomes.filter { if case .failure = $0.1 { true } else { false } }
        let loser = try #require(failed.first)
        #expect(failed.count == 1)
        let winner = loser.0 == "fw1" ? "fw2" : "fw1"
        guard case .failure(let error) = loser.1 else { return }
        let refusal = try #require(error as? Refusal)
        #expect(refusal.message.contains(winner), "\(refusal.message)")
        let names = try await scene.ledger.claims().map(\.ownerName)
        #expect(Set(names) == ["somebody", winner])
        try await scene.expectAtRest()
    }

    @Test("a domain of the persistent kind whose XML has no device yet may not start, and the refusal says what to do")
    func notYet() async throws {
        let domain = try asking(two, binding: "defined")
        let refusal = await #expect(throws: Refusal.self) { try await call("prepare", domain) }
        #expect(refusal == .domain("fw1", .requestWithoutDevices(devices: ["a", "b"])))
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("an unknown pool, or a request that is not understood, refuses the start with nothing claimed")
    func wrong() async throws {
        let unknown = try asking("<b:device name='a' pool='vfs'/><b:device name='b' pool='none'/>")
        await #expect(throws: Refusal.pool("none", .unknown(known: ["vfs"]))) { try await call("prepare", unknown) }
        let misspelt = try asking("<b:device name='a' pool='vfs' vlna='7'/>")
        await #expect(throws: DomainXMLError.self) { try await call("prepare", misspelt) }
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("a device that the XML has already, from buslane domain start, is not claimed twice")
    func injected() async throws {
        let settings = VFSettings(vlan: .id(try VLANID("7")))
        let claim = try await scene.allocate(for: owner, settings: settings, name: "a")
        try await call("prepare", try asking(two, having: claim.assignments))
        #expect(try await scene.ledger.claims().flatMap(\.assignments).map(\.name) == ["a", "b"])
    }

    @Test("a start after libvirtd was killed in prepare uses the earlier claims, if they still fit the request")
    func killedInPrepare() async throws {
        try await call("prepare", try asking(one))
        let first = try #require(try await scene.ledger.claims().first)
        try await call("prepare", try asking(one))
        let second = try await scene.ledger.claims()
        #expect(second.map(\.id) == [first.id] && second.first?.generation == first.generation + 1)
        try await call("prepare", try asking("<b:device name='a' pool='vfs' vlan='9'/>"))
        let third = try await scene.ledger.claims()
        #expect(third.count == 1 && third.first?.id != first.id)
        #expect(third.first?.assignments.first?.settings.vlan == .id(try VLANID("9")))
    }

    @Test(
        "a start that cannot get every device does not change the domain's other claims",
        arguments: ["pool='vfs'", "pool='none'"])
    func refusedBeforehand(second: String) async throws {
        let earlier = try await scene.allocate(for: owner, name: "a")
        _ = try await scene.allocate(for: .name("somebody"))
        let done = scene.host.actions
        for vlan in ["", "vlan='9'"] {
            let more = try asking("<b:device name='a' pool='vfs' \(vlan)/><b:device name='b' \(second)/>")
            await #expect(throws: Refusal.self) { try await call("prepare", more) }
            #expect(try await scene.ledger.claim(earlier.id) == earlier)
        }
        #expect(scene.host.actions == done)
        try await call("prepare", try asking("<b:device name='a' pool='vfs' vlan='9'/>"))
        let had = try await scene.ledger.claims().flatMap(\.assignments).map(\.address)
        #expect(Set(had) == [Scene.vf[0], Scene.vf[1]])
    }

    @Test(
        "the claims of a start without a further event are released once its time is over and no process has the group open"
    )
    func endsWhenOver() async throws {
        let domain = try asking(one)
        try await call("prepare", domain)
        let claim = try #require(try await scene.ledger.claims().first)
        #expect(try await !scene.daemon.release.releaseUnused(claim, by: .daemon))
        scene.clock.set { BootClock.now() + Claim.Use.startTime + 1 }
        let address = try #require(claim.assignments.first?.address)
        scene.host.open(address)
        #expect(try await !scene.daemon.release.releaseUnused(claim, by: .daemon))
        try await scene.daemon.use.endAbandoned()
        #expect(try await scene.ledger.claims().map(\.state) == [.inUse])
        scene.host.close(address)
        // The VF of a failover pair is not opened before the guest's driver requests it
        let seen = scene.daemon.guests
        func listed(isRunning: Bool) {
            seen.list([
                DomainHandleValue(name: domain.name, uuid: Domain.uuid, isActive: isRunning, isPersistent: true)
            ])
        }
        listed(isRunning: true)
        try await scene.daemon.use.endAbandoned()
        #expect(try await scene.ledger.claims().map(\.state) == [.inUse])
        listed(isRunning: false)
        try await scene.daemon.use.endAbandoned()
        #expect(try await scene.ledger.claims().map(\.state) == [.bound])
        #expect(try await scene.daemon.release.releaseUnused(claim, by: .daemon))
        #expect(try await scene.ledger.claims().isEmpty)
        try await scene.expectAtRest()
    }

    @Test(
        "with its node required, a domain that is pinned to another one may not start, and the refusal names both sides"
    )
    mutating func misaligned() async throws {
        func pinned(to cpu: Int) throws -> Domain {
            try Domain(
                parsing: """
                    <domain type='kvm'><name>fw1</name><uuid>\(Domain.uuid)</uuid><metadata>\
                    <b:request xmlns:b='urn:buslane:request:1' binding='running' numa='required'>\(one)</b:request>\
                    </metadata><memory>1</memory><vcpu>1</vcpu>\
                    <cputune><vcpupin vcpu='0' cpuset='\(cpu)'/></cputune><devices/></domain>
                    """)
        }
        scene = try Scene(
            HostSimulator {
                $0.numaNodes(2)
                $0.pf(Scene.card, totalVFs: 7, numa: 0, up: false)
            })
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        try await scene.apply(Scene.declaring(2))
        // Node 0 has the processors 0 to 3, node 1 has 4 to 7.
        let error = await #expect(throws: MisalignedDomain.self) { try await call("prepare", try pinned(to: 4)) }
        #expect(error?.description.contains("node") == true)
        #expect(try await scene.ledger.claims().isEmpty)
        try await call("prepare", try pinned(to: 0))
        #expect(try await scene.ledger.claims().count == 1)
    }

    @Test("a device that the owner removed is not missing at the start")
    func takenOut() async throws {
        let request = "<b:request xmlns:b='urn:buslane:request:1'>\(one)</b:request>"
        let plain = try Domain.guest(having: [], request: request)
        let device = try #require(try plain.request?.devices.first)
        let asked = try #require(try plain.request?.asked(of: device))
        let record = DomainAssignment(devices: [
            .init(name: "a", address: Scene.vf[0], claim: "c1", generation: 1, numaNode: 0, asked: asked)
        ])
        try await call("prepare", try plain.recording(record))
        await #expect(throws: Refusal.self) { try await call("prepare", plain) }
    }

    @Test("a stop of an earlier start, or of an earlier boot, ends nothing")
    func stale() async throws {
        let domain = try asking(one)
        try await call("prepare", domain)
        let since = try #require(try await scene.ledger.claims().first?.use?.since)
        try await call("release", domain, at: since - 1)
        try await call("release", domain, at: since + 10, boot: "another")
        try await call("release", domain, at: since - 1, isLate: true)
        #expect(try await scene.ledger.claims().map(\.state) == [.inUse])
        try await call("release", domain, at: since + 1)
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("a stop from the spool does not end a claim made later for a new start")
    func lateStop() async throws {
        _ = try await scene.allocate(for: owner, name: "a")
        try await call("release", try asking(one), at: scene.daemon.boot.now, isLate: true)
        #expect(try await scene.ledger.claims().map(\.state) == [.bound])
    }

    @Test("reports in the spool are processed in order of time; an invalid file is removed")
    func spool() async throws {
        let folder = TemporaryFolder()
        let spool = HookSpool(folder: folder.path, calls: scene.daemon.hooks, logger: scene.daemon.logger)
        let domain = try asking(one)
        try await call("prepare", domain)
        let now = scene.daemon.boot.now
        let xml = """
            <domain><name>fw1</name><uuid>\(Domain.uuid)</uuid><metadata>\
            <b:request xmlns:b='urn:buslane:request:1' binding='running'>\(one)</b:request></metadata></domain>
            """
        func leave(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(filePath: folder.path + "/" + name))
        }
        func stop(at: Int) throws -> [UInt8] {
            try HookRequest(domain: "fw1", operation: .release, reason: "shutdown", xml: xml, sinceBoot: at).text()
        }
        try leave("00001-1.json", try stop(at: now - 100))
        try leave("00002-1.json", Array("nonsense".utf8))
        try leave("00003-1.new", try stop(at: now + 1))
        await spool.takeIn()
        #expect(try await scene.ledger.claims().count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["00003-1.new"])
        try leave("00004-1.json", try stop(at: now + 1))
        await spool.takeIn()
        #expect(try await scene.ledger.claims().isEmpty)
        await HookSpool(
            folder: folder.path + "/missing", calls: scene.daemon.hooks, logger: scene.daemon.logger
        ).takeIn()
    }

    @Test("a guest that libvirtd found running again has its claim in use")
    func reconnect() async throws {
        let claim = try await scene.allocate(for: owner)
        try await call("reconnect", try .guest(having: claim.assignments))
        #expect(try await scene.ledger.claim(claim.id)?.state == .inUse)
        try await call("reconnect", try .guest(having: claim.assignments))
        #expect(try await scene.ledger.claim(claim.id)?.generation == claim.generation + 1)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }
}

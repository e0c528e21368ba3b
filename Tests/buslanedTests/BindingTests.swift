// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainPlanning
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Libvirt
import Logging
import Testing

@testable import buslaned

@Suite("A defined domain has what its request asks for", .timeLimit(.minutes(5)))
struct BindingTests {
    private let at: DomainScene
    private let two =
        "<b:device name='a' pool='few' mac='52:54:00:11:22:33' vlan='42'/><b:device name='b' pool='vfs'/>"

    init() async throws { at = try await DomainScene() }

    @Test("what is asked for is claimed, put in and recorded; again, nothing is done")
    func bound() async throws {
        try await at.define(two)
        try await at.sync()
        let (claimed, xml) = (try await at.claimed(), try await at.xml())
        #expect(claimed == ["a": Scene.vf[0], "b": Scene.vf[1]])
        #expect(try await at.injected() == claimed)
        #expect(xml.contains("<tag id='42'/>") && xml.contains("52:54:00:11:22:33"))
        #expect(xml.contains("passwd='secret'") && xml.contains("kept"))
        let record = try Domain(parsing: xml).recorded
        #expect(record.map(\.name) == ["a", "b"] && record[0].asked == "few, mac 52:54:00:11:22:33, vlan 42")
        let (trail, actions) = (try await at.scene.ledger.trail.newest().count, at.scene.host.actions)
        #expect(try await at.sync() == [])
        #expect(try await at.xml() == xml)
        #expect(try await at.scene.ledger.trail.newest().count == trail && at.scene.host.actions == actions)
        #expect(at.trouble() == nil)
        try await at.scene.expectAtRest()
    }

    @Test("all of it or nothing: where one cannot be had, none is claimed and the XML stays")
    func allOrNothing() async throws {
        _ = try await at.scene.allocate(
            for: .name("other"), from: Pool(name: "few", selector: Selector(addresses: [Scene.vf[0]])))
        try await at.define("<b:device name='a' pool='vfs'/><b:device name='b' pool='few'/>")
        let before = try await at.xml()
        await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(try await at.claimed().isEmpty)
        #expect(try await at.xml() == before)
        #expect(at.trouble() == "no-capacity")
        let events = try await at.scene.ledger.events()
        #expect(events.contains { $0.subject == "fw1" && $0.kind == .refused })
        try await at.scene.expectAtRest()
    }

    @Test(
        "an obstacle is recorded once, however often the sync is tried; another obstacle, or a request, is recorded anew"
    )
    func writtenOnce() async throws {
        let few = Pool(name: "few", selector: Selector(addresses: [Scene.vf[0]]))
        let held = try await at.scene.allocate(for: .name("other"), from: few)
        try await at.define("<b:device name='a' pool='few'/>")
        await #expect(throws: Refusal.self) { try await at.sync() }
        let (trail, events) = (try await at.scene.ledger.trail.newest().count, try await at.scene.ledger.events().count)
        let since = try #require(at.domains.troubles[Domain.uuid]?.since)
        for _ in 0..<3 { await #expect(throws: Refusal.self) { try await at.sync() } }
        #expect(try await at.scene.ledger.trail.newest().count == trail)
        #expect(try await at.scene.ledger.events().count == events)
        #expect(at.domains.troubles[Domain.uuid]?.since == since)
        #expect(at.domains.troubles[Domain.uuid]?.tries == 4)
        // A request gets the reason, and is recorded.
        await #expect(throws: Refusal.self) {
            try await at.domains.binder.sync(uuid: Domain.uuid, by: DomainScene.peer.actor)
        }
        #expect(try await at.scene.ledger.trail.newest().count == trail + 1)
        // Another reason is news.
        try await at.scene.release(held)
        _ = try await at.scene.allocate(for: .name("another"), from: few)
        await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(try await at.scene.ledger.trail.newest().last?.result.contains("another") == true)
        #expect(at.domains.troubles[Domain.uuid]?.tries == 1)
    }

    @Test("an unknown pool, a broken request and a name that something else has change nothing, and are reported")
    func bad() async throws {
        let clash = """
            <interface type='user'><alias name='ua-buslane-a'/></interface>
            """
        let wrong: [(devices: String, others: String, code: String)] = [
            ("<b:device name='a' pool='nosuch'/>", "", "unknown-pool"),
            ("<b:device name='a'/>", "", "bad-domain-xml"),
            ("<b:device name='a' pool='vfs'/><b:device name='a' pool='vfs'/>", "", "bad-domain-xml"),
            ("<b:device name='a' pool='vfs'/>", clash, "bad-domain-xml"),
        ]
        for (devices, others, code) in wrong {
            try await at.define(devices, and: others)
            let before = try await at.xml()
            await #expect(throws: (any Error).self) { try await at.sync() }
            #expect(at.trouble() == code)
            #expect(try await at.xml() == before)
            #expect(try await at.claimed().isEmpty)
        }
        try await at.define("<b:device name='a' pool='vfs'/>")
        try await at.sync()
        #expect(at.trouble() == nil)
    }

    @Test("a device that is no longer requested is removed with its claim; others stay")
    func removed() async throws {
        try await at.define(two)
        try await at.sync()
        try await at.edit { $0.replacing("<b:device name=\"b\" pool=\"vfs\"/>", with: "") }
        #expect(try await at.sync() == ["took out b", "released c2"])
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        // No request at all.
        try await at.edit { $0.without("b:request", containing: "device") }
        try await at.sync()
        #expect(try await at.injected().isEmpty)
        #expect(try await at.claimed().isEmpty)
        #expect(try await !at.xml().contains("assignment"))
    }

    @Test("a device that its owner removed stays removed until the request changes")
    func takenOut() async throws {
        try await at.define(two)
        try await at.sync()
        try await at.edit { $0.without("interface", containing: "ua-buslane-b") }
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        let xml = try await at.xml()
        #expect(try await at.sync() == [])
        #expect(try await at.xml() == xml)
        try await at.edit { $0.replacing("name=\"b\" pool=\"vfs\"", with: "name=\"b\" pool=\"vfs\" vlan=\"7\"") }
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[0], "b": Scene.vf[1]])
    }

    @Test("a device moved within the guest stays there; another function by hand is left, and reported")
    func movedByHand() async throws {
        try await at.define(two)
        try await at.sync()
        let place = "<address type='pci' domain='0x0000' bus='0x00' slot='0x1e' function='0x0'/>"
        try await at.edit {
            $0.replacing("<alias name='ua-buslane-a'/>", with: "<alias name='ua-buslane-a'/>\(place)")
        }
        #expect(try await at.sync() == [])
        #expect(try await at.xml().contains("slot='0x1e'"))
        let (from, to) = ("bus='0x3b' slot='0x10' function='0x0'", "bus='0x3b' slot='0x10' function='0x3'")
        try await at.edit { $0.replacing(from, with: to) }
        await #expect(throws: DomainTrouble.self) { try await at.sync() }
        #expect(try await at.injected()["a"] == Scene.vf[3])
        #expect(at.trouble() == "device-moved")
        try await at.edit { $0.replacing(to, with: from) }
        try await at.sync()
        #expect(at.trouble() == nil)
    }

    @Test("new settings are enforced on the same function; settings no longer requested are restored")
    func changed() async throws {
        try await at.define(two)
        try await at.sync()
        try await at.edit {
            $0.replacing("vlan=\"42\"", with: "trust=\"on\"").replacing("52:54:00:11:22:33", with: "52:54:00:11:22:44")
        }
        #expect(try await !at.sync().isEmpty)
        let vf = try #require(at.scene.host.now[Scene.vf[0]]?.vfSettings)
        #expect(vf.mac == "52:54:00:11:22:44" && vf.vlan == VFSettings.VLANChoice.none && vf.trust == true)
        #expect(try await at.claimed() == ["a": Scene.vf[0], "b": Scene.vf[1]])
        let xml = try await at.xml()
        #expect(!xml.contains("<vlan>") && xml.contains("<mac address='52:54:00:11:22:44'/>"))
        #expect(try await at.sync() == [])
        // After the release no trace of either is left.
        try await at.define("")
        try await at.sync()
        #expect(at.scene.host.now[Scene.vf[0]]?.vfSettings?.trust == false)
        try await at.scene.expectAtRest()
    }

    @Test("another pool means another claim; if it has no free function, nothing changes")
    func otherPool() async throws {
        let other = try await at.scene.allocate(for: .name("other"))
        try await at.define("<b:device name='a' pool='vfs'/>")
        try await at.sync()
        try await at.edit { $0.replacing("pool=\"vfs\"", with: "pool=\"few\"") }
        await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(try await at.claimed() == ["a": Scene.vf[1]])
        #expect(try await at.injected() == ["a": Scene.vf[1]])
        try await at.scene.release(other)
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        #expect(at.trouble() == nil)
    }

    @Test("a function that the other pool has as well stays, with its claim")
    func otherPoolOfTheSame() async throws {
        try await at.define("<b:device name='a' pool='vfs'/>")
        try await at.sync()
        let actions = at.scene.host.actions
        try await at.edit { $0.replacing("pool=\"vfs\"", with: "pool=\"few\"") }
        try await at.sync()
        let claims = try await at.scene.ledger.claims()
        #expect(claims.map(\.id) == ["c1"] && claims.map(\.pool) == ["few"])
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(at.scene.host.actions == actions)
        #expect(try await at.sync() == [])
        // With other settings too.
        try await at.edit { $0.replacing("pool=\"few\"", with: "pool=\"vfs\" vlan=\"42\"") }
        try await at.sync()
        #expect(try at.scene.host.now[Scene.vf[0]]?.vfSettings?.vlan == .id(VLANID("42")))
        #expect(try await at.scene.ledger.claims().map(\.pool) == ["vfs"])
        try await at.scene.expectAtRest()
    }

    @Test("a failed exchange leaves the old claim and its function unchanged")
    func notExchanged() async throws {
        try await at.define("<b:device name='a' pool='few'/><b:device name='b' pool='vfs'/>")
        try await at.sync()
        let before = try await at.scene.ledger.claims()
        // The other device's new setting is refused by its card, when the new claim stands.
        try await at.edit {
            $0.replacing("name=\"a\" pool=\"few\"", with: "name=\"a\" pool=\"rest\"")
                .replacing("name=\"b\" pool=\"vfs\"", with: "name=\"b\" pool=\"vfs\" vlan=\"42\"")
        }
        at.scene.host.fail(.refused("no")) { action in
            if case .setVFSettings(let virtual, _) = action { virtual.index == 1 } else { false }
        }
        let xml = try await at.xml()
        await #expect(throws: (any Error).self) { try await at.sync() }
        #expect(try await at.xml() == xml)
        let now = try await at.scene.ledger.claims()
        #expect(now.map(\.id) == before.map(\.id) && now.map(\.state) == [.bound, .bound])
        #expect(try await at.claimed() == ["a": Scene.vf[0], "b": Scene.vf[1]])
        #expect(at.scene.host.now[Scene.vf[0]]?.driver == "vfio-pci" && at.scene.host.now[Scene.vf[2]]?.driver == nil)
        // Once it goes well, it is exchanged.
        at.scene.host.clearFailures()
        try await at.sync()
        #expect(try await at.claimed() == ["a": Scene.vf[2], "b": Scene.vf[1]])
        #expect(try await at.injected() == ["a": Scene.vf[2], "b": Scene.vf[1]])
        #expect(at.scene.host.now[Scene.vf[0]]?.driver == nil)
        try await at.scene.expectAtRest()
    }

    @Test("two devices that exchange their pools, of one function each, exchange their functions")
    func exchanged() async throws {
        try await at.define("<b:device name='a' pool='few'/><b:device name='b' pool='rest' vlan='7'/>")
        try await at.sync()
        try await at.edit {
            $0.replacing("name=\"a\" pool=\"few\"", with: "name=\"a\" pool=\"rest\"")
                .replacing("name=\"b\" pool=\"rest\"", with: "name=\"b\" pool=\"few\"")
        }
        #expect(try await at.sync().contains("released c1"))
        #expect(try await at.claimed() == ["a": Scene.vf[2], "b": Scene.vf[0]])
        #expect(try await at.injected() == ["a": Scene.vf[2], "b": Scene.vf[0]])
        #expect(try at.scene.host.now[Scene.vf[0]]?.vfSettings?.vlan == .id(VLANID("7")))
        #expect(at.scene.host.now[Scene.vf[2]]?.vfSettings?.vlan == VFSettings.VLANChoice.none)
        #expect(at.trouble() == nil)
        try await at.scene.expectAtRest()
    }

    @Test("a running guest keeps its devices until it stops")
    func running() async throws {
        try await at.define(two)
        try await at.sync()
        for address in [Scene.vf[0], Scene.vf[1]] { at.scene.host.open(address) }
        try await at.libvirt.start(DomainScene.name)
        // One is asked for no more, the other is to be different: that is for the next start.
        try await at.edit {
            $0.replacing("<b:device name=\"b\" pool=\"vfs\"/>", with: "").replacing("vlan=\"42\"", with: "vlan=\"7\"")
        }
        await #expect(throws: DomainTrouble.self) { try await at.sync() }
        #expect(at.trouble() == "changes-after-stop")
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(try await at.claimed() == ["a": Scene.vf[0], "b": Scene.vf[1]])
        #expect(try await at.xml().contains("<tag id='42'/>"))
        #expect(try at.scene.host.now[Scene.vf[0]]?.vfSettings?.vlan == .id(VLANID("42")))
        for address in [Scene.vf[0], Scene.vf[1]] { at.scene.host.close(address) }
        try await at.sync()
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        #expect(try await at.xml().contains("<tag id='7'/>"))
        #expect(try at.scene.host.now[Scene.vf[0]]?.vfSettings?.vlan == .id(VLANID("7")))
        #expect(at.trouble() == nil)
    }

    @Test("a domain that is starting is not changed")
    func starting() async throws {
        try await at.define(two)
        try await at.sync()
        try await at.scene.daemon.prepareHook.prepare(try Domain(parsing: try await at.xml()), by: Scene.root)
        try await at.edit { $0.replacing("<b:device name=\"b\" pool=\"vfs\"/>", with: "") }
        let before = try await at.xml()
        await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(try await at.xml() == before)
        #expect(at.trouble() == nil)
    }

    @Test("a claim made before a crash is added after it; leftover claims are released")
    func crashed() async throws {
        // As the daemon makes it, between its claim and its definition.
        let daemon = at.scene.daemon
        let few = Pool(name: "few", selector: Selector(addresses: [Scene.vf[0]]))
        for (name, pool) in [("a", few), ("gone", Scene.pool)] {
            _ = try await daemon.allocator.allocate(
                ClaimRequest(pool: pool, owner: DomainScene.owner, ownerName: "fw1", deviceName: name),
                by: .daemon)
        }
        try await at.define(two)
        try await at.sync()
        #expect(try await at.claimed() == ["a": Scene.vf[0], "b": Scene.vf[2]])
        #expect(try await at.injected() == ["a": Scene.vf[0], "b": Scene.vf[2]])
        #expect(try at.scene.host.now[Scene.vf[0]]?.vfSettings?.vlan == .id(VLANID("42")))
    }

    @Test("a device claimed and added by hand is not touched")
    func byHand() async throws {
        let claim = try await at.scene.allocate(for: DomainScene.owner, name: "mine")
        try await at.define("<b:device name='a' pool='vfs'/>")
        let live = at.domains.guests
        _ = try await live.attach(DomainScene.name, .init(), by: DomainScene.peer)
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[1], "mine": Scene.vf[0]])
        try await at.edit { $0.without("b:request", containing: "device") }
        try await at.sync()
        #expect(try await at.injected() == ["mine": Scene.vf[0]])
        #expect(try await at.claimed() == ["mine": claim.assignments[0].address])
    }

    @Test("the claims of an undefined domain are released, but not while its guest runs")
    func undefined() async throws {
        try await at.define(two)
        try await at.sync()
        at.scene.host.open(Scene.vf[0])
        let gone = "00000000-1d52-d8f3-2516-782e98ab3fa0"
        #expect(try await at.domains.binder.sync(uuid: gone) == [])
        let owner = DomainScene.owner
        #expect(try await at.scene.daemon.release.releaseRequested(of: owner, by: .daemon) == ["released c2"])
        at.scene.host.close(Scene.vf[0])
        #expect(try await at.scene.daemon.release.releaseRequested(of: owner, by: .daemon) == ["released c1"])
        #expect(at.scene.host.now[Scene.vf[0]]?.driver == nil)
        try await at.scene.expectAtRest()
    }

    @Test("a function that another domain's XML names is never allocated, and the refusal names the domain")
    func foreign() async throws {
        let device = """
            <hostdev mode='subsystem' type='pci' managed='yes'>
              <source><address domain='0x0000' bus='0x3b' slot='0x10' function='0x0'/></source>
            </hostdev>
            """
        let uuid = "00000000-1d52-d8f3-2516-782e98ab3fa0"
        try await at.libvirt.define(DomainScene.xml("h1", uuid: uuid, devices: device))
        try await at.domains.binder.sync(uuid: uuid)
        try await at.define("<b:device name='a' pool='few'/>")
        let refusal = await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(refusal?.message.contains("in the XML of domain h1") == true)
        try await at.define("<b:device name='a' pool='vfs'/>")
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[1]])
        try await at.libvirt.define(DomainScene.xml("h1", uuid: uuid))
        try await at.domains.binder.sync(uuid: uuid)
        #expect(try await at.scene.allocate().assignments[0].address == Scene.vf[0])
    }
}

@Suite("A domain that wants to be near its devices", .timeLimit(.minutes(5)))
struct AligningTests {
    private let at: DomainScene
    private let near =
        "<b:request xmlns:b='urn:buslane:request:1' numa='required' align='auto'><b:device name='a' pool='vfs'/></b:request>"

    init() async throws { at = try await DomainScene() }

    @Test("its processors and memory are placed there with the devices, once")
    func aligned() async throws {
        try await at.libvirt.define(DomainScene.xml(request: near))
        try await at.sync()
        let xml = try await at.xml()
        #expect(xml.contains("<vcpupin vcpu='0' cpuset='0-3'/>") && xml.contains("<emulatorpin cpuset='0-3'/>"))
        #expect(xml.contains("<memory mode='strict' nodeset='0'/>"))
        #expect(try await at.injected() == ["a": Scene.vf[0]])
        #expect(try await at.sync() == [])
        #expect(try await at.xml() == xml)
    }

    @Test("the report says whether it is near them, and what to do")
    func told() async throws {
        func alignment() async throws -> AlignmentAdvice? {
            try await at.domains.pictures.overview(of: DomainScene.name).devices.first?.alignment
        }
        let plain = near.replacing(" align='auto'", with: "")
        try await at.libvirt.define(DomainScene.xml(request: plain))
        try await at.sync()
        // The host has only one node: everything is near.
        #expect(try await alignment()?.fit.vcpus == .fits)
        let pinned = "<cputune><vcpupin vcpu='0' cpuset='6'/></cputune><os>"
        try await at.edit { $0.replacing("<os>", with: pinned) }
        let far = try #require(try await alignment())
        #expect(far.fit.vcpus == .differs && far.fit.memory == .fits && far.fit.guestNode == nil)
        #expect(far.problems.first?.contains("device 'a' is on node 0") == true)
        #expect(far.remedy?.contains("pin its vCPUs to CPUs 0-3") == true)
    }

    @Test("is refused when the node has too few free huge pages, and nothing is claimed or changed")
    func hugepages() async throws {
        let xml = DomainScene.xml(request: near)
            .replacing("<os>", with: "<memoryBacking><hugepages/></memoryBacking><os>")
        try await at.libvirt.define(xml)
        let before = try await at.xml()
        await #expect(throws: Refusal.self) { try await at.sync() }
        #expect(at.trouble() == "too-few-hugepages")
        #expect(at.domains.troubles[Domain.uuid]?.trouble.message.contains("32 huge pages of 2048 KiB") == true)
        #expect(try await at.claimed().isEmpty)
        #expect(try await at.xml() == before)
    }

    @Test("keeps the pinning that it has: what contradicts the device's node is refused with both sides")
    func conflict() async throws {
        let pinned = "<cputune><vcpupin vcpu='0' cpuset='6'/></cputune><os>"
        try await at.libvirt.define(DomainScene.xml(request: near).replacing("<os>", with: pinned))
        let before = try await at.xml()
        let actions = at.scene.host.actions
        await #expect(throws: (any Error).self) { try await at.sync() }
        // No reconciliation makes a claim for it.
        let trail = try await at.scene.ledger.trail.newest().count
        await #expect(throws: (any Error).self) { try await at.sync() }
        #expect(try await at.scene.ledger.trail.newest().count == trail)
        #expect(at.scene.host.actions == actions)
        #expect(at.domains.troubles[Domain.uuid]?.trouble.message.contains("vCPU 0") == true)
        #expect(try await at.claimed().isEmpty)
        #expect(try await at.xml() == before)
    }
}

@Suite("A domain that claims at each start", .timeLimit(.minutes(5)))
struct RunningBindingTests {
    private let at: DomainScene
    private let device = "<b:device name='a' pool='vfs' vlan='42'/>"

    init() async throws { at = try await DomainScene() }

    @Test("started by Buslane it runs with its device, and its persistent XML has none")
    func started() async throws {
        try await at.define(device, binding: "running")
        try await at.sync()
        let before = try await at.xml()
        #expect(try await at.claimed().isEmpty)
        let document = try await at.domains.binder.start(DomainScene.name, by: DomainScene.peer)
        #expect(document.devices.map(\.address) == [Scene.vf[0]])
        #expect(try await at.xml() == before)
        #expect(try await at.libvirt.liveXML(of: DomainScene.name).contains("ua-buslane-a"))
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        // The event of its own start: nothing is left to do.
        #expect(try await at.sync() == [])
        await #expect(throws: Refusal.domain(DomainScene.name, .running)) {
            _ = try await at.domains.binder.start(DomainScene.name, by: DomainScene.peer)
        }
    }

    @Test("a start that fails releases its claims")
    func failed() async throws {
        // What libvirt refuses to run: a device with the alias that this one will have.
        try await at.define(
            device, binding: "running", and: "<interface type='user'><alias name='ua-buslane-a'/></interface>")
        await #expect(throws: (any Error).self) {
            _ = try await at.domains.binder.start(DomainScene.name, by: DomainScene.peer)
        }
        #expect(try await at.claimed().isEmpty)
        try await at.scene.expectAtRest()
    }

    @Test("claims left by a failed start are released at the next reconciliation")
    func swept() async throws {
        try await at.define(device, binding: "running")
        let domain = try Domain(parsing: try await at.xml())
        _ = try await at.domains.claims.claims(for: domain, by: DomainScene.peer)
        #expect(try await at.claimed() == ["a": Scene.vf[0]])
        #expect(try await at.sync() == ["released c1"])
        #expect(at.scene.host.now[Scene.vf[0]]?.driver == nil)
    }

    @Test("from defined to running, the device leaves the persistent XML; and back")
    func switched() async throws {
        try await at.define(device)
        try await at.sync()
        try await at.edit { $0.replacing("binding=\"defined\"", with: "binding=\"running\"") }
        #expect(try await at.sync() == ["took out a", "released c1"])
        #expect(try await at.injected().isEmpty)
        try await at.edit { $0.replacing("binding=\"running\"", with: "binding=\"defined\"") }
        try await at.sync()
        #expect(try await at.injected() == ["a": Scene.vf[0]])
    }

    @Test("a domain started by others without its claims is reported")
    func unclaimed() async throws {
        try await at.define(device, binding: "running")
        try await at.libvirt.start(DomainScene.name)
        await #expect(throws: DomainTrouble.self) { try await at.sync() }
        #expect(at.trouble() == "not-claimed-at-start")
    }

    @Test("a missing free port is reported at the definition")
    func noPort() async throws {
        let ports = """
            <controller type='pci' index='0' model='pcie-root'/>
            """
        // A device that libvirt gives no place does not count.
        let xml = DomainScene.xml(request: DomainScene.request(device, binding: "running"), devices: ports)
        try await at.libvirt.define(xml.replacing("<graphics type='vnc' passwd='secret'/>", with: ""))
        await #expect(throws: DomainTrouble.self) { try await at.sync() }
        #expect(at.trouble() == "no-hotplug-port")
        #expect(at.domains.troubles[Domain.uuid]?.trouble.message.contains("0 free hot-plug ports") == true)
    }
}

@Suite("Domains are bound when libvirt's events arrive", .timeLimit(.minutes(5)))
struct BindingServiceTests {
    @Test("domains defined before, and domains edited now")
    func byEvents() async throws {
        let at = try await DomainScene()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let listening = LibvirtService(
            libvirt: at.libvirt, feed: at.domains.access.feed, isReady: { true }, logger: logger)
        let binding = BindingService(
            access: at.domains.access, binder: at.domains.binder, seen: at.scene.daemon.guests, logger: logger)
        try await at.define("<b:device name='a' pool='vfs'/>")
        let news = at.domains.access.feed.watch()
        var running = [Task { await listening.run() }]
        var steps = ["b", "c"]
        for await entry in news {
            // The event that libvirt is there comes once, and may come before other tasks run.
            if entry == .connected { running.append(Task { await binding.run() }) }
            // Its own definitions cause events too: each is handled, and the last one changes nothing.
            let injected = try await at.injected()
            guard injected.count == 3 - steps.count, let next = steps.first else {
                if injected.count == 3 { break }
                continue
            }
            steps.removeFirst()
            try await at.edit {
                $0.replacing("</b:request>", with: "<b:device name='\(next)' pool='vfs'/></b:request>")
            }
        }
        for task in running { task.cancel() }
        for task in running { await task.value }
        #expect(try await at.injected() == at.claimed())
        #expect(try await at.sync() == [])
        try await at.scene.expectAtRest()
    }
}

@Suite("The start of a bound domain", .timeLimit(.minutes(5)))
struct BoundStartTests {
    @Test("a domain may start without a device that its owner removed, but not without one that was never added")
    func takenOut() async throws {
        let at = try await DomainScene()
        try await at.define("<b:device name='a' pool='vfs'/><b:device name='b' pool='vfs'/>")
        let daemon = at.scene.daemon
        let before = try Domain(parsing: try await at.xml())
        await #expect(throws: Refusal.self) { try await daemon.prepareHook.prepare(before, by: Scene.root) }
        try await at.sync()
        try await at.edit { $0.without("interface", containing: "ua-buslane-b") }
        try await daemon.prepareHook.prepare(try Domain(parsing: try await at.xml()), by: Scene.root)
    }

    @Test("a start without a further event is over when libvirt lists the domain as off and no group is open")
    func overtaken() async throws {
        var at = try await DomainScene()
        try await at.define("<b:device name='a' pool='vfs'/>")
        try await at.sync()
        try await at.scene.daemon.prepareHook.prepare(try Domain(parsing: try await at.xml()), by: Scene.root)
        await #expect(throws: Refusal.self) { try await at.sync() }
        at.later(by: 1000)
        #expect(try await at.sync() == [])
        #expect(try await at.scene.ledger.claims().map(\.state) == [.bound])
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Ledger
import Libvirt
import Logging
import Testing

@testable import buslaned

@Suite("devices of a running guest")
struct RunningGuestsTests {
    private let scene: Scene
    private let claims: [Claim]
    private let owner = Owner.domain(uuid: Domain.uuid)
    private let root = PeerCredentials(pid: 1, uid: 0, gid: 0)

    init() async throws {
        scene = try Scene()
        try await scene.apply(Scene.declaring(4))
        claims = [
            try await scene.allocate(for: owner, name: "data0"), try await scene.allocate(for: owner, name: "data1"),
        ]
    }

    /// fw1, with these of its devices in its XML.
    private func domain(
        having devices: Set<String> = [], live: Bool = true, persistent: Bool = true, ports: Int = 4
    ) throws -> (DomainWiring, FakeLibvirt) {
        let assignments = claims.flatMap(\.assignments).filter { devices.contains($0.name) }
        let fake = try FakeLibvirt(
            having: assignments, ports: ports, live: live, persistent: persistent, feed: DomainFeed())
        return (scene.domains(of: fake, feed: fake.feed, patience: .milliseconds(50)), fake)
    }

    private func states() async throws -> [Claim.State] { try await scene.ledger.claims().map(\.state) }
    private func pending() async throws -> [DeviceChange] { try await scene.ledger.deviceChanges() }
    private let soon = Duration.milliseconds(50)

    // MARK: Attach

    @Test("attach changes the persistent XML of a guest that is off, and both states of a running guest")
    func attaches() async throws {
        let (off, fake) = try domain(live: false)
        #expect(try await off.guests.attach("fw1", .init(), by: root).scope == .config)
        #expect(try fake.names(live: false) == ["data0", "data1"])
        #expect(fake.calls == ["define"])
        #expect(try await states() == [.bound, .bound])

        let (on, running) = try domain()
        #expect(try await on.guests.attach("fw1", .init(), by: root).scope == .both)
        #expect(running.calls == ["attach data0", "attach data1", "define"])
        #expect(try running.names(live: true) == ["data0", "data1"])
        #expect(try running.names(live: false) == ["data0", "data1"])
        #expect(try await states() == [.inUse, .inUse])
        #expect(try await pending().isEmpty)
        // The second time there is nothing to do.
        _ = try await on.guests.attach("fw1", .init(), by: root)
        #expect(running.calls.count == 3)
    }

    @Test("one device by its name, only into the running guest")
    func chosen() async throws {
        let (live, fake) = try domain()
        _ = try await live.guests.attach("fw1", .init(scope: .live, devices: ["data1"]), by: root)
        #expect(fake.calls == ["attach data1"])
        #expect(try await states() == [.bound, .inUse])
        await #expect(throws: Refusal.domain("fw1", .noSuchDevice("data7", known: ["data0", "data1"]))) {
            try await live.guests.attach("fw1", .init(devices: ["data7"]), by: root)
        }
    }

    @Test("attach is refused before any change when the domain has no place for a device")
    func refusals() async throws {
        let (off, _) = try domain(live: false)
        await #expect(throws: Refusal.domain("fw1", .notRunning)) {
            try await off.guests.attach("fw1", .init(scope: .live), by: root)
        }
        let (transient, _) = try domain(persistent: false)
        await #expect(throws: Refusal.domain("fw1", .transient)) {
            try await transient.guests.attach("fw1", .init(scope: .both), by: root)
        }
        let (full, fake) = try domain(ports: 1)
        await #expect(throws: Refusal.domain("fw1", .noPort(wanted: 2, free: 1))) {
            try await full.guests.attach("fw1", .init(), by: root)
        }
        #expect(fake.calls.isEmpty)
        #expect(try await states() == [.bound, .bound])
    }

    @Test("all or none: when libvirt refuses the second device, the first is removed again")
    func undone() async throws {
        let (live, fake) = try domain()
        fake.change { $0.attachFails = "data1" }
        await #expect(throws: FakeLibvirt.failure) { try await live.guests.attach("fw1", .init(), by: root) }
        #expect(try fake.names(live: true).isEmpty)
        #expect(try fake.names(live: false).isEmpty)
        #expect(try await states() == [.bound, .bound])
        #expect(try await pending().isEmpty)
    }

    @Test("if the guest keeps the first device, the error names the failure and what was not undone")
    func notUndone() async throws {
        let (live, fake) = try domain()
        fake.change {
            $0.attachFails = "data1"
            $0.answers["data0"] = .silent
        }
        let refusal = await #expect(throws: Refusal.self) { try await live.guests.attach("fw1", .init(), by: root) }
        #expect(refusal?.code == "attach-not-undone")
        let message = try #require(refusal?.message)
        #expect(message.contains("Read-only file system") && message.contains("data0"))
        #expect(message.contains("its guest has not answered"))
        #expect(refusal?.remedy?.contains("buslane domain detach fw1 --live --device data0") == true)
        #expect(try fake.names(live: true) == ["data0"])
        #expect(try fake.names(live: false).isEmpty)
        #expect(try await states() == [.inUse, .bound])
        // When the guest unplugs it later, its claim can be released and the persistent XML does not have it.
        #expect(try await pending().map(\.kind) == [.detaching])
        try fake.unplug("data0")
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: false)
        #expect(try await states() == [.bound, .bound])
        #expect(try await pending().isEmpty)
    }

    @Test("a device whose removal failed stays in a persistent XML that had it before")
    func notUndoneAsDefined() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        for device in ["data0", "data1"] { try fake.unplug(device) }
        fake.change {
            $0.attachFails = "data1"
            $0.answers["data0"] = .silent
        }
        await #expect(throws: Refusal.self) { try await live.guests.attach("fw1", .init(scope: .live), by: root) }
        try fake.unplug("data0")
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: false)
        #expect(try fake.names(live: false) == ["data0", "data1"])
    }

    @Test("when the persistent XML cannot be written, the devices are unplugged from the running guest")
    func halfDone() async throws {
        let (live, fake) = try domain()
        fake.change { $0.definesFail = true }
        await #expect(throws: FakeLibvirt.failure) { try await live.guests.attach("fw1", .init(), by: root) }
        #expect(try fake.names(live: true).isEmpty)
        #expect(try await states() == [.bound, .bound])
        #expect(try await pending().isEmpty)
    }

    @Test("if the guest keeps them, the error says so, and the persistent XML gets them when it can be written")
    func finishedLater() async throws {
        let (live, fake) = try domain()
        fake.change {
            $0.definesFail = true
            $0.answers["data1"] = .silent
        }
        let refusal = await #expect(throws: Refusal.self) { try await live.guests.attach("fw1", .init(), by: root) }
        #expect(refusal?.code == "half-attached")
        #expect(try await states() == [.bound, .inUse])
        #expect(try await pending().map(\.device) == ["data1"])
        fake.change { $0.definesFail = false }
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
        #expect(try fake.names(live: false) == ["data1"])
        #expect(try await pending().isEmpty)
    }

    // MARK: Detach

    @Test("a device that the guest released is in neither state, and its claim can be released")
    func detaches() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        _ = try await live.guests.attach("fw1", .init(), by: root)
        try await scene.daemon.use.begin(claims)
        let document = try await live.guests.detach("fw1", .init(devices: ["data0"], wait: soon), by: Scene.root)
        #expect(document.devices.map(\.name) == ["data0"])
        #expect(document.scope == .both)
        #expect(try fake.names(live: true) == ["data1"])
        #expect(try fake.names(live: false) == ["data1"])
        #expect(try await states() == [.bound, .inUse])
        try await scene.release(claims[0])
    }

    @Test("a device that the guest keeps stays in both states with its claim; a later unplug also changes the XML")
    func keeps() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        try await scene.daemon.use.begin(claims)
        fake.change { $0.answers = ["data0": .refuses, "data1": .silent] }
        await #expect(throws: Refusal.domain("fw1", .keeps(["data0", "data1"], .nothing))) {
            try await live.guests.detach("fw1", .init(wait: soon), by: Scene.root)
        }
        #expect(try fake.names(live: false) == ["data0", "data1"])
        #expect(try await states() == [.inUse, .inUse])
        // No change is pending for the device that the guest refused to release.
        #expect(try await pending().map(\.device) == ["data1"])
        try fake.unplug("data1")
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: false)
        #expect(try fake.names(live: false) == ["data0"])
        #expect(try await states() == [.inUse, .bound])
        #expect(try await pending().isEmpty)
    }

    @Test("a paused guest gets no unplug request")
    func paused() async throws {
        let (live, fake) = try domain(having: ["data0"])
        fake.change { $0.isPaused = true }
        let refusal = await #expect(throws: Refusal.self) {
            try await live.guests.detach("fw1", .init(wait: soon), by: Scene.root)
        }
        #expect(refusal == .domain("fw1", .paused) && refusal?.isTemporary == true)
        #expect(fake.calls.isEmpty)
        // A change of only the persistent XML needs no guest.
        _ = try await live.guests.detach("fw1", .init(scope: .config), by: Scene.root)
        #expect(try fake.names(live: false).isEmpty)
    }

    @Test(
        "functions that share a slot can be removed only from the persistent XML: a running guest gets no request"
    )
    func sharingSlot() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        try await scene.daemon.use.begin(claims)
        fake.change { state in
            var function = 0
            state.live = state.live.map { xml in
                xml.split(separator: "<alias name='ua-buslane-", omittingEmptySubsequences: false).enumerated().map {
                    guard $0 > 0 else { return String($1) }
                    defer { function += 1 }
                    let place = "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x\(function)'/>"
                    return place + "<alias name='ua-buslane-" + $1
                }.joined()
            }
        }
        let refusal = Refusal.domain("fw1", .shareSlot(["data0", "data1"]))
        await #expect(throws: refusal) { try await live.guests.detach("fw1", .init(wait: soon), by: Scene.root) }
        await #expect(throws: refusal) {
            try await live.guests.evict("fw1", within: soon, releasing: false, by: root.actor)
        }
        #expect(fake.calls.isEmpty)
        #expect(try await pending().isEmpty)
        let migration = try await live.pictures.overview(of: "fw1").migration
        #expect(migration.possible == .no && migration.remedy?.contains("evict") == false)
        _ = try await live.guests.detach("fw1", .init(scope: .config), by: Scene.root)
        #expect(try fake.names(live: false).isEmpty)
        #expect(try await states() == [.inUse, .inUse])
    }

    @Test("a guest that stops instead of answering has released every device")
    func stops() async throws {
        let (live, fake) = try domain(having: ["data0"])
        fake.change { $0.answers["data0"] = .silent }
        async let detached = live.guests.detach("fw1", .init(wait: .seconds(30)), by: Scene.root)
        while fake.calls.isEmpty { await Task.yield() }
        fake.stop()
        #expect(try await detached.devices.map(\.name) == ["data0"])
        #expect(try fake.names(live: false).isEmpty)
    }

    // MARK: Evict

    @Test("evict empties the running guest and keeps the persistent XML; readmit adds the same devices again")
    func evicts() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        try await scene.daemon.use.begin(claims)
        _ = try await live.guests.evict("fw1", within: soon, releasing: false, by: root.actor)
        #expect(try fake.names(live: true).isEmpty)
        #expect(try fake.names(live: false) == ["data0", "data1"])
        #expect(try await states() == [.bound, .bound])
        #expect(try await pending().map(\.kind) == [.evicted, .evicted])
        #expect(try await live.pictures.overview(of: "fw1").migration.possible == .yes)
        // The eviction is recorded until the domain is readmitted.
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
        #expect(try await pending().count == 2)
        _ = try await live.guests.readmit("fw1", by: root)
        #expect(try fake.names(live: true) == ["data0", "data1"])
        #expect(try await states() == [.inUse, .inUse])
        #expect(try await pending().isEmpty)
        #expect(try await live.pictures.overview(of: "fw1").migration.possible == .no)
    }

    @Test("all or none: a device that the guest released is plugged in again when it keeps another")
    func evictionUndone() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        try await scene.daemon.use.begin(claims)
        fake.change { $0.answers["data1"] = .refuses }
        await #expect(
            throws: Refusal.domain("fw1", .evictionUndone(kept: ["data1"], .no, pluggedAgain: ["data0"], lost: []))
        ) { try await live.guests.evict("fw1", within: soon, releasing: true, by: root.actor) }
        #expect(try Set(fake.names(live: true)) == ["data0", "data1"])
        #expect(try await states() == [.inUse, .inUse])
        #expect(try await pending().isEmpty)
    }

    @Test("evicted with release: its claims are released and its persistent XML names none of them")
    func evictsForGood() async throws {
        let (live, fake) = try domain(having: ["data0", "data1"])
        _ = try await live.guests.evict("fw1", within: soon, releasing: true, by: root.actor)
        #expect(try fake.names(live: false).isEmpty)
        #expect(try await states().isEmpty)
        #expect(try await pending().isEmpty)
    }

    // MARK: After a crash of the daemon

    @Test(
        "an unfinished change is reconciled when libvirt is there, even if its event came early",
        .timeLimit(.minutes(5)))
    func toldEarly() async throws {
        let (live, fake) = try domain(having: ["data0"])
        fake.change { $0.config = try? Domain.guest(having: []).text }
        try await scene.ledger.begin([
            DeviceChange(domain: Domain.uuid, domainName: "fw1", device: "data0", kind: .attaching)
        ])
        let service = DeviceChangeService(
            unfinished: live.unfinished, ledger: scene.ledger, feed: fake.feed,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        fake.feed.publish(.connected)
        let running = Task { await service.run() }
        while try await !pending().isEmpty { await Task.yield() }
        running.cancel()
        await running.value
        #expect(try fake.names(live: false) == ["data0"])
    }

    @Test("after a crash a change is finished if one state had changed, and forgotten if none had")
    func crashedWhileAttaching() async throws {
        let (live, fake) = try domain()
        let assignments = claims.flatMap(\.assignments)
        fake.change { $0.live = try? Domain.guest(having: [assignments[0]]).text }
        try await scene.ledger.begin(
            ["data0", "data1"].map {
                DeviceChange(domain: Domain.uuid, domainName: "fw1", device: $0, kind: .attaching)
            })
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
        #expect(try fake.names(live: false) == ["data0"])
        #expect(try await pending().isEmpty)
    }

    @Test("after a crash an eviction is complete if all devices are gone, and undone otherwise")
    func crashedWhileEvicting() async throws {
        for survivor in [nil, "data1"] as [String?] {
            let (live, fake) = try domain(having: ["data0", "data1"])
            for gone in ["data0", "data1"] where gone != survivor { try fake.unplug(gone) }
            try await scene.ledger.begin(
                ["data0", "data1"].map {
                    DeviceChange(domain: Domain.uuid, domainName: "fw1", device: $0, kind: .evicting)
                })
            try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
            #expect(try Set(fake.names(live: true)) == (survivor == nil ? [] : ["data0", "data1"]))
            #expect(try await pending().map(\.kind) == (survivor == nil ? [.evicted, .evicted] : []))
            try await scene.ledger.end(changesOf: ["data0", "data1"], in: Domain.uuid)
        }
    }

    @Test("a detach whose request may be lost is requested again; after the guest's stop it is complete")
    func crashedWhileDetaching() async throws {
        let (live, fake) = try domain(having: ["data0"])
        try await scene.ledger.begin([
            DeviceChange(domain: Domain.uuid, domainName: "fw1", device: "data0", kind: .detaching)
        ])
        fake.change { $0.answers["data0"] = .silent }
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
        #expect(fake.calls == ["detach data0"])
        #expect(try await pending().count == 1)
        fake.stop()
        try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: false)
        #expect(try fake.names(live: false).isEmpty)
        #expect(try await pending().isEmpty)
    }

    // MARK: Reports

    @Test("the report of a domain: its claims, its devices' places, and why it cannot migrate")
    func report() async throws {
        let (live, fake) = try domain(having: ["data0"])
        fake.change { $0.live = $0.live.flatMap { try? Domain(parsing: $0).removing(names: ["data0"]).text } }
        let report = try await live.pictures.overview(of: "fw1")
        #expect(report.state == .running && report.isPersistent)
        #expect(report.devices.map(\.name) == ["data0", "data1"])
        #expect(report.devices.map(\.persistentXML) == [.present, .absent])
        #expect(report.devices.map(\.runningXML) == [.absent, .absent])
        #expect(report.devices[0].driver == "vfio-pci")
        #expect(report.migration.possible == .yes)
    }
}

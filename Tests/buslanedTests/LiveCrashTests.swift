// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Libvirt
import Testing

@testable import buslaned

/// The daemon is ended at every call of libvirt, before it and after it, while the devices of a running guest change.
/// libvirt and the guest live on.
@Suite("The daemon is killed while a running guest's devices change")
struct LiveCrashTests {
    private static let root = PeerCredentials(pid: 1, uid: 0, gid: 0)
    private static let soon = Duration.milliseconds(200)

    enum Change: String, CaseIterable {
        case attach, detach, evict, evictForGood, readmit
    }

    /// fw1 runs, and two claims are its own.
    private struct World {
        var scene: Scene
        var live: DomainWiring
        let libvirt: FakeLibvirt

        init(before change: Change) async throws {
            scene = try Scene()
            try scene.configure(
                """
                physicalFunctions: [ { select: { addresses: ["\(Scene.card)"] }, vfCount: 4 } ]
                pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]
                """)
            try await scene.apply(Scene.declaring(4))
            let owner = Owner.domain(uuid: Domain.uuid)
            let claims = [
                try await scene.allocate(for: owner, name: "data0"),
                try await scene.allocate(for: owner, name: "data1"),
            ]
            let had = change == .attach ? [] : claims.flatMap(\.assignments)
            libvirt = try FakeLibvirt(having: had, feed: DomainFeed())
            live = World.live(libvirt, scene)
            if change != .attach { try await scene.daemon.use.begin(claims) }
            if change == .readmit {
                _ = try await live.guests.evict("fw1", within: soon, releasing: false, by: root.actor)
            }
        }

        private static func live(_ libvirt: FakeLibvirt, _ scene: Scene) -> DomainWiring {
            scene.domains(of: libvirt, feed: libvirt.feed, patience: soon)
        }

        func make(_ change: Change) async throws {
            switch change {
            case .attach: _ = try await live.guests.attach("fw1", .init(), by: root)
            case .detach: _ = try await live.guests.detach("fw1", .init(wait: soon), by: root.actor)
            case .evict: _ = try await live.guests.evict("fw1", within: soon, releasing: false, by: root.actor)
            case .evictForGood: _ = try await live.guests.evict("fw1", within: soon, releasing: true, by: root.actor)
            case .readmit: _ = try await live.guests.readmit("fw1", by: root)
            }
        }

        /// The daemon ends at this moment, and is started again.
        ///
        /// - Returns: whether the daemon reached this moment.
        mutating func kill(at moment: Int, _ change: Change) async throws -> Bool {
            libvirt.change { $0.momentsLeft = moment }
            libvirt.onEnd.withLock { [scene] in $0 = { scene.end() } }
            try? await make(change)
            guard libvirt.state.withLock(\.isDaemonDead) else { return false }
            libvirt.change { ($0.momentsLeft, $0.isDaemonDead) = (nil, false) }
            scene = try scene.restarted()
            live = World.live(libvirt, scene)
            try await scene.daemon.cards.recovery.recover()
            await scene.daemon.cards.bootRestore.restore()
            try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: true)
            // As libvirt's event has it, of a device that the guest gave up then.
            try await live.unfinished.reconcile(Domain.uuid, named: "fw1", asking: false)
            return true
        }

        /// The guest's devices and their claims.
        func picture() async throws -> [String] {
            let claims = try await scene.ledger.claims()
            return try [
                "running: \(Set(libvirt.names(live: true)).sorted())",
                "persistent: \(Set(libvirt.names(live: false)).sorted())",
                "claims: \(claims.map { "\($0.assignments.map(\.name)) \($0.state)" }.sorted())",
                "begun: \(await scene.ledger.deviceChanges().map { "\($0.device) \($0.kind)" }.sorted())",
            ]
        }
    }

    @Test(
        "no function that the guest has is free, and repeating the request completes it",
        arguments: Change.allCases)
    func killed(change: Change) async throws {
        let reference = try await World(before: change)
        try await reference.make(change)
        let wanted = try await reference.picture()
        for moment in 1... {
            let comment: Comment = "killed at moment \(moment)"
            var world = try await World(before: change)
            guard try await world.kill(at: moment, change) else {
                #expect(moment > 5, "only \(moment - 1) moments: nothing was tested")
                break
            }
            let running = try world.libvirt.names(live: true)
            for device in running {
                let claim = try await world.scene.ledger.claims().first { $0.has(device: device) }
                #expect(claim?.state == .inUse, comment)
            }
            // Refused if it had already completed.
            try? await world.make(change)
            let picture = try await world.picture()
            #expect(picture == wanted, comment)
            try await world.scene.expectAtRest(comment)
        }
    }
}

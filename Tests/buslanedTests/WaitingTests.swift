// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Synchronization
import Testing
import Wire

@testable import Ledger
@testable import buslaned

@Suite("Waiting for functions")
struct WaitingTests {
    /// Four VFs, bound and free.
    private func scene() async throws -> Scene {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(4, vfDriver: "vfio-pci"))
        return scene
    }

    /// A request that waits, and its answer.
    private final class Client: Sendable {
        let places = Mutex<[Int]>([])
        let result = Mutex<Result<[Claim], any Error>?>(nil)
        private let task = Mutex<Task<Void, Never>?>(nil)

        init(
            _ scene: Scene, _ count: Int, for owner: String, upTo limit: Duration = .seconds(60),
            from pool: Pool = Scene.pool, by caller: Caller = .root,
            renewing renew: @escaping @Sendable ([ClaimRequest]) throws -> [ClaimRequest] = \.self
        ) async throws {
            let request = ClaimRequest(pool: pool, count: count, owner: .name(owner), uid: caller.uid)
            let updates = try await scene.daemon.allocator.allocate(
                all: [request], waitingUpTo: limit, for: caller, by: .init(uid: caller.uid, pid: 1), renewing: renew)
            task.withLock {
                $0 = Task {
                    for await update in updates {
                        switch update {
                        case .place(let place): places.withLock { $0.append(place) }
                        case .ended(let end): result.withLock { $0 = end }
                        }
                    }
                }
            }
            // In the queue before the next one comes, or already finished.
            while place == nil, !hasEnded { await Task.yield() }
        }

        var place: Int? { places.withLock(\.last) }
        var hasEnded: Bool { result.withLock { $0 != nil } }
        var claim: Claim? { try? result.withLock { try $0?.get().first } }

        func ended() async {
            let task = task.withLock(\.self)
            await task?.value
        }

        func goAway() { task.withLock { $0?.cancel() } }
    }

    @Test("a free function is claimed at once")
    func free() async throws {
        let scene = try await scene()
        let waiter = try await Client(scene, 2, for: "a")
        await waiter.ended()
        #expect(waiter.claim?.assignments.count == 2)
        #expect(await scene.daemon.queue.isEmpty)
    }

    @Test("first come, first served: a claim of many is not starved by small ones")
    func order() async throws {
        let scene = try await scene()
        var held: [Claim] = []
        for owner in ["a", "b", "c", "d"] { held.append(try await scene.allocate(for: .name(owner))) }
        let large = try await Client(scene, 3, for: "large")
        let small = try await Client(scene, 1, for: "small")
        #expect(large.place == 0)
        #expect(small.place == 1)
        for claim in held.prefix(2) { _ = try await scene.daemon.release.release(claim.id, by: Scene.root) }
        await scene.daemon.queue.signal()
        // Two are free, and kept for the first request: later ones in the queue and new ones do not get them.
        #expect(small.claim == nil && large.claim == nil)
        let refused = await #expect(throws: Refusal.self) { try await scene.allocate(for: .name("new")) }
        #expect(refused?.isTemporary == true)
        #expect(refused?.message.contains("2 reserved for an earlier request") == true, "\(refused?.message ?? "")")
        _ = try await scene.daemon.release.release(held[2].id, by: Scene.root)
        await large.ended()
        #expect(large.claim?.assignments.count == 3)
        _ = try await scene.daemon.release.release(held[3].id, by: Scene.root)
        await small.ended()
        #expect(small.claim?.assignments.count == 1)
        #expect(await scene.daemon.queue.isEmpty)
        _ = try await scene.daemon.release.release(try #require(large.claim).id, by: Scene.root)
        #expect(try await scene.allocate(for: .name("new")).assignments.count == 1)
    }

    @Test("functions kept for a waiting request are not free: in the pools, in an explanation, in a look ahead")
    func kept() async throws {
        let scene = try await scene()
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        var held: [Claim] = []
        for owner in ["a", "b", "c", "d"] { held.append(try await scene.allocate(for: .name(owner))) }
        _ = try await scene.daemon.release.release(held[0].id, by: Scene.root)
        let request = ClaimRequest(pool: Scene.pool, count: 1, owner: .name("new"))
        #expect(try await scene.daemon.pools.supplies().map(\.free.count) == [1])
        #expect(try await scene.daemon.candidates.explain(request).refusal == nil)
        #expect(try await scene.daemon.candidates.foreseen([request])?.count == 1)
        let waiter = try await Client(scene, 2, for: "large")
        #expect(waiter.place == 0)
        #expect(try await scene.daemon.pools.supplies().map(\.free.count) == [0])
        #expect(try await scene.daemon.candidates.explain(request).refusal?.isTemporary == true)
        #expect(try await scene.daemon.candidates.foreseen([request]) == nil)
        waiter.goAway()
    }

    @Test("a request whose time is up is refused with the reason, and makes room")
    func timesOut() async throws {
        let scene = try await scene()
        _ = try await scene.allocate(4, for: .name("a"))
        let waiter = try await Client(scene, 1, for: "b", upTo: .milliseconds(50))
        await waiter.ended()
        let refusal = #expect(throws: Refusal.self) { try waiter.result.withLock(\.self)?.get() }
        #expect(refusal?.code == "no-capacity")
        #expect(await scene.daemon.queue.isEmpty)
        #expect(try await scene.ledger.trail.newest().filter { $0.verb == "allocate" }.count == 1)
    }

    @Test("a client that disconnects leaves the queue at once, and the next request is tried")
    func goesAway() async throws {
        let scene = try await scene()
        let held = try await scene.allocate(3, for: .name("a"))
        let gone = try await Client(scene, 4, for: "gone")
        let next = try await Client(scene, 1, for: "next")
        #expect(next.claim == nil)
        gone.goAway()
        await gone.ended()
        await next.ended()
        #expect(next.claim?.assignments.count == 1)
        _ = try await scene.daemon.release.release(held.id, by: Scene.root)
        #expect(try await scene.ledger.claims().map(\.ownerName) == ["next"])
    }

    // MARK: - Fairness

    private let amy = Caller(uid: 1000, user: "amy", groups: ["buslane"])
    private let ben = Caller(uid: 1001, user: "ben", groups: ["buslane"])

    @Test("what the pool can never give is refused at once, and never waits")
    func tooMany() async throws {
        let scene = try await scene()
        _ = try await scene.allocate(4, for: .name("a"))
        let refusal = await #expect(throws: Refusal.self) { try await Client(scene, 5, for: "b", by: amy) }
        #expect(refusal?.code == "pool-too-small")
        #expect(await scene.daemon.queue.isEmpty)
        #expect(try await scene.ledger.trail.newest().last?.result.contains("5 wanted") == true)
    }

    @Test("a request that the configuration does not allow any more stops waiting, and keeps nothing from others")
    func renewed() async throws {
        let scene = try await scene()
        let pools = scene.daemon.pools
        func configure(_ pools: String) throws { try scene.configure("pools: [\(pools)]") }
        let pool = "name: vfs, select: { kinds: [virtual-function] }"
        try configure("{ \(pool) }")
        let held = try await scene.allocate(3, for: .name("a"))
        let amy = amy
        let client = try await Client(
            scene, 2, for: "amys", by: amy, renewing: { try $0.map { try pools.renewed($0, of: amy) } })
        try scene.configure("pools: [")
        await scene.daemon.queue.signal()
        #expect(!client.hasEnded, "a file that cannot be read takes nothing away")
        try configure("{ \(pool), allow: { users: [ben] } }")
        await scene.daemon.queue.signal()
        await client.ended()
        #expect(throws: Refusal.self) { try client.result.withLock { try $0?.get() } }
        #expect(try await scene.allocate(for: .name("other")).assignments.count == 1)
        _ = try await scene.daemon.release.release(held.id, by: Scene.root)
        #expect(try await scene.ledger.claims().map(\.ownerName) == ["other"])
        // The other way that a pool can be lost
        try configure("{ \(pool) }")
        let late = try await Client(
            scene, 4, for: "amys", by: amy, renewing: { try $0.map { try pools.renewed($0, of: amy) } })
        try configure("")
        await scene.daemon.queue.signal()
        await late.ended()
        #expect(throws: Refusal.pool("vfs", .unknown(known: []))) { try late.result.withLock { try $0?.get() } }
    }

    @Test("so is what the quota does not allow, also while the pool is empty")
    func beyondQuota() async throws {
        let scene = try await scene()
        var pool = Scene.pool
        pool.maxClaims = 1
        _ = try await scene.allocate(3, for: .name("a"))
        let first = try await Client(scene, 1, for: "amys", from: pool, by: amy)
        await first.ended()
        let refusal = await #expect(throws: Refusal.self) {
            try await Client(scene, 1, for: "another of amys", from: pool, by: amy)
        }
        #expect(refusal?.code == "quota-reached")
        #expect(await scene.daemon.queue.isEmpty)
    }

    @Test("functions are kept from others for a limited time, and the place in the queue stays")
    func keepingEnds() async throws {
        let scene = try await scene()
        scene.clock.set { 1000 }
        let held = try await scene.allocate(2, for: .name("a"))
        let large = try await Client(scene, 4, for: "large", by: amy)
        await #expect(throws: Refusal.self) { try await scene.allocate(for: .name("new")) }
        scene.clock.set { 1000 + KeepingTimes.length }
        let small = try await scene.allocate(for: .name("new"))
        #expect(large.place == 0)
        // Nor does another request of the same user begin another time.
        let next = try await Client(scene, 4, for: "next", by: amy)
        let other = try await scene.allocate(for: .name("newer"))
        for claim in [small, other, held] { try await scene.release(claim) }
        await large.ended()
        #expect(large.claim?.assignments.count == 4)
        next.goAway()
    }

    @Test("nothing is kept in a pool that the waiting user may not claim from")
    func foreignPool() async throws {
        let scene = try await scene()
        _ = try await scene.allocate(2, for: .name("a"))
        let large = try await Client(scene, 4, for: "large", by: amy)
        await #expect(throws: Refusal.self) { try await scene.allocate(for: .name("new")) }
        var bens = Scene.pool
        bens.access = Access(users: ["ben"])
        #expect(try await scene.allocate(for: .name("bens"), from: bens).assignments.count == 1)
        large.goAway()
    }

    @Test("a request that waits is refused when another one of the user has used up the quota")
    func quotaUsedUp() async throws {
        let scene = try await scene()
        var pool = Scene.pool
        pool.maxClaims = 1
        let held = try await scene.allocate(4, for: .name("a"))
        let first = try await Client(scene, 1, for: "first", from: pool, by: amy)
        let second = try await Client(scene, 1, for: "second", from: pool, by: amy)
        try await scene.release(held)
        await first.ended()
        await second.ended()
        #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "user id 1000", limit: 1))) {
            try second.result.withLock(\.self)?.get()
        }
        #expect(try await scene.allocate(3, for: .name("new")).assignments.count == 3)
    }

    @Test("a guest's start goes before all who wait")
    func starts() async throws {
        let scene = try await scene()
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
        _ = try await scene.allocate(3, for: .name("a"))
        let large = try await Client(scene, 2, for: "large")
        await #expect(throws: Refusal.self) { try await scene.allocate(for: .name("new")) }
        let domain = try Domain.guest(
            having: [],
            request: """
                <b:request xmlns:b='urn:buslane:request:1' binding='running'><b:device name='a' pool='vfs'/></b:request>
                """)
        let call = HookRequest(domain: domain.name, operation: .prepare, reason: "begin", xml: "")
        try await scene.daemon.hooks.handle(call, about: domain, isLate: false, by: Scene.root)
        #expect(try await scene.ledger.claims().map(\.state) == [.bound, .inUse])
        large.goAway()
    }

    @Test("all who wait cost one look at the host together")
    func oneLook() async throws {
        let scene = try await scene()
        _ = try await scene.allocate(3, for: .name("a"))
        func calls(for count: Int) async throws -> Int {
            let waiters = (0..<count).map {
                Waiter([ClaimRequest(pool: Scene.pool, count: 2, owner: .name("o\($0)"))], of: .root)
            }
            let before = scene.host.calls
            #expect(try await scene.daemon.holdings.prospects(of: waiters).count == count)
            return scene.host.calls - before
        }
        #expect(try await calls(for: 50) == calls(for: 1))
    }
}

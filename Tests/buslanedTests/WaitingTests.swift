// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Synchronization
import Testing

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
    private final class Waiter: Sendable {
        let places = Mutex<[Int]>([])
        let result = Mutex<Result<[Claim], any Error>?>(nil)
        private let task = Mutex<Task<Void, Never>?>(nil)

        init(_ scene: Scene, _ count: Int, for owner: String, upTo limit: Duration = .seconds(60)) async {
            let request = ClaimRequest(pool: Scene.pool, count: count, owner: .name(owner))
            let updates = await scene.daemon.allocator.allocate(all: [request], waitingUpTo: limit, by: Scene.root)
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
        let waiter = await Waiter(scene, 2, for: "a")
        await waiter.ended()
        #expect(waiter.claim?.assignments.count == 2)
        #expect(await scene.daemon.queue.isEmpty)
    }

    @Test("first come, first served: a claim of many is not starved by small ones")
    func order() async throws {
        let scene = try await scene()
        var held: [Claim] = []
        for owner in ["a", "b", "c", "d"] { held.append(try await scene.allocate(for: .name(owner))) }
        let large = await Waiter(scene, 3, for: "large")
        let small = await Waiter(scene, 1, for: "small")
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
        let waiter = await Waiter(scene, 2, for: "large")
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
        let waiter = await Waiter(scene, 1, for: "b", upTo: .milliseconds(50))
        await waiter.ended()
        let refusal = #expect(throws: Refusal.self) { try waiter.result.withLock(\.self)?.get() }
        #expect(refusal?.code == "no-capacity")
        #expect(await scene.daemon.queue.isEmpty)
        #expect(try await scene.ledger.auditTrail().filter { $0.verb == "allocate" }.count == 1)
    }

    @Test("a client that disconnects leaves the queue at once, and the next request is tried")
    func goesAway() async throws {
        let scene = try await scene()
        let held = try await scene.allocate(3, for: .name("a"))
        let gone = await Waiter(scene, 4, for: "gone")
        let next = await Waiter(scene, 1, for: "next")
        #expect(next.claim == nil)
        gone.goAway()
        await gone.ended()
        await next.ended()
        #expect(next.claim?.assignments.count == 1)
        _ = try await scene.daemon.release.release(held.id, by: Scene.root)
        #expect(try await scene.ledger.claims().map(\.ownerName) == ["next"])
    }
}

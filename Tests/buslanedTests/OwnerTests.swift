// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostIO
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Owners that are gone")
struct OwnerTests {
    private let unit = Owner.unit("dpdk.service")
    private let process = Owner.process(pid: 42, startTime: 7)

    @Test("a unit has a grace time and can return; a process cannot")
    func graceTime() {
        var absences = Absences(grace: 60)
        #expect(absences.note([unit: .gone, process: .gone], now: 100) == [process])
        #expect(absences.note([unit: .gone], now: 159) == [])
        #expect(absences.note([unit: .there], now: 160) == [])
        #expect(absences.note([unit: .gone], now: 170) == [])
        // "Unknown" neither restarts the grace time nor ends the claim.
        #expect(absences.note([unit: .unknown], now: 229) == [])
        #expect(absences.note([unit: .unknown], now: 300) == [])
        #expect(absences.note([unit: .gone], now: 301) == [unit])
    }

    @Test("claims whose client disconnected are released, and both are recorded")
    func untold() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(2))
        let claims = [try await scene.allocate(), try await scene.allocate()]
        try await scene.daemon.release.releaseUndelivered(claims, by: .init(uid: 1000, pid: 7))
        #expect(try await scene.ledger.claims().isEmpty)
        let trail = try await scene.ledger.trail.newest().suffix(4)
        #expect(trail.map(\.verb) == ["answer", "release", "answer", "release"])
        #expect(trail.map(\.actor.uid) == [1000, nil, 1000, nil])
        try await scene.expectAtRest()
    }

    @Test("the claims of an owner that is gone are released, and no others")
    func given() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(4))
        let before = scene.host.now
        _ = try await scene.allocate(2, for: process)
        let domain = try await scene.allocate(for: .domain(uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"))
        let named = try await scene.allocate(for: .name("fw1"))
        var absences = Absences(grace: 60)
        let process = process
        try await scene.daemon.owners.releaseVanished(&absences) { $0 == process ? .gone : .there }
        #expect(try await scene.ledger.claims().map(\.id) == [domain.id, named.id])
        #expect(try await scene.ledger.trail.newest().last?.verb == "release")
        for claim in [domain, named] { try await scene.release(claim) }
        #expect(scene.host.now == before)
    }

    @Test("a claim that a guest still has open stays, and is released at a later check")
    func stillOpen() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(1))
        let claim = try await scene.allocate(for: process)
        scene.host.open(Scene.vf[0])
        var absences = Absences(grace: 0)
        try await scene.daemon.owners.releaseVanished(&absences) { _ in .gone }
        #expect(try await scene.ledger.claims().map(\.id) == [claim.id])
        scene.host.close(Scene.vf[0])
        try await scene.daemon.owners.releaseVanished(&absences) { _ in .gone }
        #expect(try await scene.ledger.claims().isEmpty)
    }

    @Test("a process is identified by its number and start time")
    func processes() throws {
        let processes = Processes()
        let start = try #require(processes.startTime(of: Int(getpid())))
        #expect(start > 0 && processes.startTime(of: Int(getpid())) == start)
        // Larger than any number that a kernel gives. Source: PID_MAX_LIMIT, include/linux/threads.h.
        #expect(processes.startTime(of: 1 << 23) == nil)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Testing

@testable import buslaned

@Suite("The audit trail of work that is tried again")
struct AuditRecorderTests {
    private struct Broken: Error, CustomStringConvertible { let description: String }

    private func trail(_ scene: Scene) async throws -> [String] {
        try await scene.ledger.trail.newest().filter { $0.verb == "try" }.map(\.result)
    }

    private func attempt(
        _ scene: Scene, by actor: AuditEntry.Actor, of subject: String = "a", failing reason: String?
    ) async {
        let audit = scene.daemon.audit
        _ = try? await audit.audited("try", subject: subject, detail: "", by: actor) {
            if let reason { throw Broken(description: reason) }
        }
    }

    @Test("a failure that repeats is written once, until the work succeeds or fails in another way")
    func repeated() async throws {
        let scene = try Scene()
        for reason in ["x", "x", "y", "x", nil, "x", "x"] { await attempt(scene, by: .daemon, failing: reason) }
        #expect(try await trail(scene) == ["x", "y", "x", "done", "x"])
    }

    @Test("other work has failures of its own")
    func other() async throws {
        let scene = try Scene()
        for subject in ["a", "b", "a", "b"] { await attempt(scene, by: .daemon, of: subject, failing: "x") }
        #expect(try await trail(scene) == ["x", "x"])
    }

    private func counted(_ scene: Scene) async throws -> [String] {
        try await scene.ledger.trail.newest(limit: 10_000).filter { $0.verb == "try" }.map {
            "\($0.times) \($0.result)"
        }
    }

    @Test("a client's refusals that repeat are counted: written at once, at powers of ten, and in the end")
    func client() async throws {
        let scene = try Scene()
        for _ in 0..<257 { await attempt(scene, by: .init(uid: 1000, pid: Int.random(in: 1...9999)), failing: "x") }
        #expect(try await counted(scene) == ["1 x", "10 x", "90 x"])
        try await scene.daemon.audit.writeRepeats()
        #expect(try await counted(scene).count == 3)
        try await scene.daemon.audit.writeRepeats(all: true)
        #expect(try await counted(scene) == ["1 x", "10 x", "90 x", "156 x"])
        await attempt(scene, by: .init(uid: 1000, pid: 1), failing: "x")
        #expect(try await counted(scene).suffix(2) == ["156 x", "1 x"])
        #expect(try await scene.ledger.events().count { $0.detail == "try: x" } == 2)
    }

    @Test("success ends the counting, and users do not share it")
    func clients() async throws {
        let scene = try Scene()
        let (one, other) = (AuditEntry.Actor(uid: 1000, pid: 1), AuditEntry.Actor(uid: 1001, pid: 2))
        for actor in [one, other, one, one, other] { await attempt(scene, by: actor, failing: "x") }
        await attempt(scene, by: one, failing: nil)
        await attempt(scene, by: one, failing: "x")
        #expect(try await counted(scene) == ["1 x", "1 x", "1 done", "2 x", "1 x"])
    }

    @Test("another name, or another reason, at each try does not help")
    func names() async throws {
        let scene = try Scene()
        let actor = AuditEntry.Actor(uid: 1000, pid: 1)
        for number in 0..<1000 { await attempt(scene, by: actor, of: "name\(number)", failing: "x\(number % 7)") }
        try await scene.daemon.audit.writeRepeats(all: true)
        let trail = try await scene.ledger.trail.newest(limit: 10_000).filter { $0.verb == "try" }
        #expect(trail.count < 30 && trail.reduce(0) { $0 + $1.times } == 1000)
        #expect(trail.last?.subject == "others")
    }

    @Test("a name of megabytes is a short entry")
    func megabytes() async throws {
        let scene = try Scene()
        let name = String(repeating: "x", count: 7 << 20)
        for _ in 0..<3 { await attempt(scene, by: Scene.root, of: name, failing: "'\(name)' is not free") }
        let trail = try await scene.ledger.trail.newest().filter { $0.verb == "try" }
        #expect(trail.count == 1 && trail[0].subject.count == 200 && trail[0].result.count == 200)
    }
}

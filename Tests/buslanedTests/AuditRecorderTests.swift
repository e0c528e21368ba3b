// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Testing

@testable import buslaned

@Suite("The audit trail of work that is tried again")
struct AuditRecorderTests {
    private struct Broken: Error, CustomStringConvertible { let description: String }

    private func trail(_ scene: Scene) async throws -> [String] {
        try await scene.ledger.auditTrail().filter { $0.verb == "try" }.map(\.result)
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

    @Test("what a person asks for is written every time")
    func person() async throws {
        let scene = try Scene()
        for _ in 0..<3 { await attempt(scene, by: Scene.root, failing: "x") }
        #expect(try await trail(scene) == ["x", "x", "x"])
    }
}

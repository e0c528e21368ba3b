// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Quarantine")
struct QuarantineTests {
    /// A VF whose release failed: it still has its old owner's VLAN.
    private func setAside() async throws -> (Scene, PCIAddress) {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(2, vfDriver: "vfio-pci"))
        let claim = try await scene.allocate(settings: VFSettings(vlan: .tag(VLANTag(try VLANID("42"))), trust: true))
        let address = try #require(claim.assignments.first?.address)
        scene.host.fail(.refused("no")) { if case .setVFSettings = $0 { true } else { false } }
        try await scene.release(claim)
        #expect(try await scene.ledger.holdings().quarantine.keys.sorted() == [address])
        #expect(try await scene.ledger.events().last?.kind == .quarantined)
        return (scene, address)
    }

    @Test("recover cleans, resets and frees the function")
    func recovered() async throws {
        let (scene, address) = try await setAside()
        scene.host.clearFailures()
        let resets = scene.host.resets(of: address)
        try await scene.daemon.cards.quarantine.recover(address, by: Scene.root)
        let settings = scene.host.now[address]?.vfSettings
        #expect(settings?.vlan == VFSettings.VLANChoice.none && settings?.trust == false)
        #expect(scene.host.now[address]?.driver == "vfio-pci")
        #expect(scene.host.resets(of: address) == resets + 1)
        #expect(try await scene.ledger.holdings().quarantine.isEmpty)
        #expect(try await scene.ledger.events().contains { $0.kind == .recovered && $0.subject == address.description })
        #expect(try await scene.allocate(2).assignments.contains { $0.address == address })
        try await scene.expectAtRest()
    }

    @Test("a function that cannot be cleaned stays in quarantine")
    func stays() async throws {
        let (scene, address) = try await setAside()
        await #expect(throws: Executor.Failure.self) {
            try await scene.daemon.cards.quarantine.recover(address, by: Scene.root)
        }
        #expect(try await scene.ledger.holdings().quarantine.keys.sorted() == [address])
        #expect(try await scene.ledger.events().last?.kind == .failed)
        try await scene.expectAtRest()
    }

    @Test("refused while a process has it open, and for a function that is not in quarantine")
    func refused() async throws {
        let (scene, address) = try await setAside()
        scene.host.clearFailures()
        scene.host.open(address)
        let before = scene.host.now
        let holder = ProcessHolder(pid: 4711, command: "qemu")
        await #expect(throws: Refusal.function(address, .heldByProcess(holder))) {
            try await scene.daemon.cards.quarantine.recover(address, by: Scene.root)
        }
        let other = try #require(Scene.vf.prefix(2).first { $0 != address })
        await #expect(throws: Refusal.function(other, .notQuarantined)) {
            try await scene.daemon.cards.quarantine.recover(other, by: Scene.root)
        }
        await #expect(throws: Refusal.function("0000:ff:00.0", .unknown)) {
            try await scene.daemon.cards.quarantine.recover("0000:ff:00.0", by: Scene.root)
        }
        #expect(scene.host.now == before)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

/// Claims against a model that is simple enough to be right: random operations on both, and the same answers from both.
@Suite("Claims against a reference model")
struct ModelTests {
    /// The expected state, without a host or a ledger.
    private struct Model {
        struct Held {
            var owner: Owner
            var functions: Set<PCIAddress>
            var generation = 1
            var isInUse = false
        }

        var free: Set<PCIAddress>
        var live: [String: Held] = [:]
        var ended: Set<String> = []
        var made = 0
    }

    private static let uuids = (1...3).map { "0000000\($0)-1d52-d8f3-2516-782e98ab3fa0" }

    /// The result of an operation, in terms that both sides have.
    private enum Outcome: Equatable {
        case done
        case nothing
        case refused(String)
    }

    @Test("a thousand random operations, with a crash now and then", arguments: [1, 20_261_124, 0xb05_1a9e])
    func operations(seed: Int) async throws {
        var random = FixedSeed(UInt64(seed))
        var scene = try Scene()
        try await scene.apply(Scene.declaring(4, vfDriver: "vfio-pci"))
        let clean = scene.host.now
        var model = Model(free: Set(Scene.vf.prefix(4)))
        for number in 1...1000 {
            let comment: Comment = "seed \(seed), operation \(number)"
            if Int.random(in: 0..<100, using: &random) == 0 {
                scene = try scene.next()
                try await scene.daemon.cards.recovery.recover()
            }
            try await step(&model, scene, &random, comment)
            try await expectAgreement(model, scene, comment)
        }
        #expect(model.made > 50, "nothing was tested")
        for (id, held) in model.live {
            if held.isInUse, case .domain(let uuid) = held.owner {
                try await scene.daemon.stopHook.stopped(
                    try await guest(uuid, scene), reason: "shutdown", by: Scene.root)
            }
            _ = try await scene.daemon.release.release(id, by: Scene.root)
        }
        #expect(scene.host.now == clean, "seed \(seed)")
    }

    private func step(
        _ model: inout Model, _ scene: Scene, _ random: inout FixedSeed, _ comment: Comment
    ) async throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: try await allocate(&model, scene, &random, comment)
        case 4..<8: try await release(&model, scene, &random, comment)
        default: try await startOrStop(&model, scene, &random, comment)
        }
    }

    private func allocate(
        _ model: inout Model, _ scene: Scene, _ random: inout FixedSeed, _ comment: Comment
    ) async throws {
        let count = Int.random(in: 0...3, using: &random)
        let domain = Self.uuids.randomElement(using: &random).map { Owner.domain(uuid: $0) }
        let owner =
            Bool.random(using: &random) ? .name("fw\(Int.random(in: 1...3, using: &random))") : domain ?? .name("x")
        let expected: Outcome =
            count == 0 ? .refused("count-out-of-range") : model.free.count < count ? .refused("no-capacity") : .done
        let settings = VFSettings(trust: Bool.random(using: &random) ? true : nil)
        let (outcome, claim) = try await outcome { try await scene.allocate(count, for: owner, settings: settings) }
        #expect(outcome == expected, comment)
        guard let claim, expected == .done else { return }
        let functions = Set(claim.assignments.map(\.address))
        #expect(functions.count == count && functions.isSubset(of: model.free), comment)
        #expect(model.live[claim.id] == nil && !model.ended.contains(claim.id), comment)
        model.free.subtract(functions)
        model.live[claim.id] = .init(owner: owner, functions: functions)
        model.made += 1
    }

    private func release(
        _ model: inout Model, _ scene: Scene, _ random: inout FixedSeed, _ comment: Comment
    ) async throws {
        let known = (Array(model.live.keys) + model.ended.sorted().suffix(3)).sorted() + ["c99999"]
        let id = known.randomElement(using: &random) ?? "c99999"
        let held = model.live[id]
        let generation = Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 1...3, using: &random) : nil
        var expected = Outcome.done
        if held == nil { expected = model.ended.contains(id) ? .nothing : .refused("unknown-claim") }
        if let held, held.isInUse { expected = .refused("guest-starting") }
        if let held, let generation, generation != held.generation { expected = .refused("stale-generation") }
        let (outcome, result) = try await outcome {
            try await scene.daemon.release.release(id, generation: generation, by: Scene.root)
        }
        if case .alreadyReleased = result {
            #expect(expected == .nothing, comment)
        } else {
            #expect(outcome == expected, comment)
        }
        guard let held, expected == .done else { return }
        model.free.formUnion(held.functions)
        model.live[id] = nil
        model.ended.insert(id)
    }

    private func startOrStop(
        _ model: inout Model, _ scene: Scene, _ random: inout FixedSeed, _ comment: Comment
    ) async throws {
        guard let uuid = Self.uuids.randomElement(using: &random) else { return }
        let domain = try await guest(uuid, scene)
        let concerned = model.live.filter { $0.value.owner == .domain(uuid: uuid) }.keys
        if Bool.random(using: &random) {
            try await scene.daemon.prepareHook.prepare(domain, by: Scene.root)
            for id in concerned {
                model.live[id]?.generation += 1
                model.live[id]?.isInUse = true
            }
        } else {
            try await scene.daemon.stopHook.stopped(domain, reason: "shutdown", by: Scene.root)
            for id in concerned { model.live[id]?.isInUse = false }
        }
    }

    /// A domain whose XML has what it holds now.
    private func guest(_ uuid: String, _ scene: Scene) async throws -> Domain {
        let claims = try await scene.ledger.claims().filter { $0.owner == .domain(uuid: uuid) }
        return try .guest(uuid: uuid, having: claims.flatMap(\.assignments))
    }

    private func outcome<Value>(_ work: () async throws -> Value) async throws -> (Outcome, Value?) {
        do {
            return (.done, try await work())
        } catch let refusal as Refusal {
            return (.refused(refusal.code), nil)
        }
    }

    private func expectAgreement(_ model: Model, _ scene: Scene, _ comment: Comment) async throws {
        let claims = try await scene.ledger.claims()
        #expect(Set(claims.map(\.id)) == Set(model.live.keys), comment)
        for claim in claims {
            let held = model.live[claim.id]
            #expect(Set(claim.assignments.map(\.address)) == held?.functions, comment)
            #expect(claim.owner == held?.owner && claim.generation == held?.generation, comment)
            #expect((claim.state == .inUse) == held?.isInUse, comment)
        }
        let free = try await Placement.free(
            of: Scene.pool, on: scene.host.now, holdings: scene.ledger.holdings())
        #expect(Set(free.map(\.address)) == model.free, comment)
    }
}

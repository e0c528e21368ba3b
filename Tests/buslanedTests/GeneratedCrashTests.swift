// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

/// The daemon is killed in the middle of an apply, before and after each of its effects, over generated hosts and
/// declarations: the same ones every time.
@Suite("Killed at every effect, on generated hosts")
struct GeneratedCrashTests {
    static let cards: [PCIAddress] = ["0000:3b:00.0", "0000:5e:00.0", "0000:af:00.0"]

    /// A host with earlier changes, and what is declared for it.
    struct Pair {
        var host: @Sendable () throws -> HostSimulator
        var earlier: DesiredState?
        var desired: DesiredState
    }

    private static func declaration(_ card: PCIAddress, _ random: inout FixedSeed) -> PFDeclaration {
        let count = Int.random(in: 0...3, using: &random)
        var declaration = PFDeclaration(
            selector: Selector(addresses: [card]), vfCount: count,
            driversAutoprobe: Int.random(in: 0..<4, using: &random) == 0,
            vfDriver: [nil, "vfio-pci", "vfio-pci", "igbvf"].randomElement(using: &random) ?? nil,
            mtu: [nil, 1500, 9000].randomElement(using: &random) ?? nil)
        if count > 0, Bool.random(using: &random) {
            let settings = VFSettings(
                vlan: VLANID(Int.random(in: 1...4000, using: &random)).map { .tag(VLANTag($0)) },
                trust: Bool.random(using: &random))
            declaration.vfs = [VFDeclaration(range: written("0"), settings: settings)]
        }
        return declaration
    }

    private static func desired(_ random: inout FixedSeed) -> DesiredState {
        // Nothing declares the third card.
        DesiredState(
            physicalFunctions: cards.prefix(2).compactMap { card in
                Int.random(in: 0..<5, using: &random) == 0 ? nil : declaration(card, &random)
            }, pools: [Scene.pool])
    }

    private static func pair(seed: Int) -> Pair {
        var random = FixedSeed(UInt64(seed))
        let shared = cards.map { _ in Bool.random(using: &random) }
        let late = cards.map { _ in [0, 0, 2].randomElement(using: &random) ?? 0 }
        let up = cards.map { _ in Bool.random(using: &random) }
        let left = cards.map { _ in
            (count: Int.random(in: 0...3, using: &random), autoprobe: Bool.random(using: &random))
        }
        let earlier = Bool.random(using: &random) ? desired(&random) : nil
        return Pair(
            host: {
                let host = HostSimulator { builder in
                    builder.numaNodes(1)
                    for (index, card) in cards.enumerated() {
                        builder.pf(
                            card, totalVFs: 7, numa: 0, up: up[index], vfGroups: shared[index] ? .shared : .own,
                            vfsAppearAfter: late[index])
                    }
                }
                for (card, found) in zip(cards, left) {
                    try host.meanwhile(.setDriversAutoprobe(physicalFunction: card, on: found.autoprobe))
                    try host.meanwhile(.setVFCount(physicalFunction: card, count: found.count))
                }
                host.finishVFs()
                return host
            }, earlier: earlier, desired: desired(&random))
    }

    @Test("the next apply converges, whatever the moment; nothing else changes", arguments: 0..<4)
    func converges(batch: Int) async throws {
        let seeds = 0..<56
        var (plans, moments) = (0, 0)
        for seed in seeds {
            let count = try await converge(seed: batch * seeds.count + seed)
            if count > 0 { plans += 1 }
            moments += count
        }
        // Some declarations equal the present state; most do not.
        #expect(plans >= seeds.count * 3 / 4, "\(plans) plans of \(seeds.count) had anything to do")
        #expect(moments >= plans * 4, "only \(moments) moments in \(plans) plans")
    }

    /// - Returns: at how many moments the apply was cut short; 0 when there was nothing to do.
    private func converge(seed: Int) async throws -> Int {
        let pair = Self.pair(seed: seed)
        let reference = try Scene(try pair.host(), patience: .seconds(2))
        if let earlier = pair.earlier { try await reference.apply(earlier) }
        let stranger = reference.host.now[Self.cards[2]]
        let moments = reference.keepMoments()
        guard try await !reference.apply(pair.desired).isEmpty else { return 0 }
        #expect(try await reference.daemon.cards.apply.plan(for: pair.desired).isEmpty)
        let wanted = reference.host.now.withoutGroups
        let count = moments.count
        for moment in 0..<count {
            let next = try reference.restarted(after: moment, of: moments)
            let comment: Comment = "seed \(seed), killed at moment \(moment + 1) of \(count)"
            try await next.daemon.cards.recovery.recover()
            try await next.expectAtRest(comment)
            // A function whose state is unknown may be quarantined; none of these is.
            #expect(try await next.ledger.holdings().quarantine.isEmpty, comment)
            try await next.apply(pair.desired)
            #expect(next.host.now.withoutGroups == wanted, comment)
            #expect(next.host.now[Self.cards[2]] == stranger, comment)
        }
        return count
    }
}

extension HostSnapshot {
    /// Groups are numbered in the order in which VFs came: no part of what was declared.
    fileprivate var withoutGroups: [Function] {
        functions.map { function in
            var function = function
            function.iommuGroup = nil
            return function
        }
    }
}

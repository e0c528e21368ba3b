// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Compares the host with the applied state, reports the differences, and repairs functions that are not in use.
///
/// The host in memory only shows where to look. Decisions read the host again.
struct DriftCheck: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let configuration: ConfigurationInForce
    let holdings: HoldingsReader
    let state: CardState
    let bootRestore: BootRestore
    let comparer: CardComparer
    let groups: GroupAdoption
    let use: ClaimUse
    let readiness: ClaimReadiness
    let queue: AllocationQueue
    let logger: Logger

    /// Looks once for the PF, once for its VFs, and once for what their claims need.
    private static let rounds = 3

    /// - Parameters:
    ///   - cards: PFs on which something changed; nil looks everywhere.
    ///   - isAfterArrival: whether another card may be somewhere. Then nothing is repaired before the cards are compared.
    func check(on cards: Set<PCIAddress>? = nil, afterArrival isAfterArrival: Bool = false) async {
        // A waiting request may now succeed.
        defer { Task { await queue.signal() } }
        do {
            if isAfterArrival { try await settle() }
            try await bootRestore.applyAwaited()
            try await lanes.run(on: .host) {
                let noticed = drift(in: try await holdings.madeForNoticing(of: cards), on: try host.lastSeen())
                if noticed.isEmpty { return state.atRest(on: cards) }
                for _ in 0..<Self.rounds {
                    let repairable = try await report(try await drift(on: host.snapshot(), cards), on: cards)
                    if repairable.isEmpty { return }
                    for drift in repairable { try await repair(drift) }
                }
            }
        } catch {
            logger.error("cannot check for drift", metadata: ["error": "\(error)"])
        }
    }

    /// Each row stays with its card, and gets the number of the group that its function is in now.
    ///
    /// VFs that were just made can have addresses that are recorded for those of another card, which is away.
    private func settle() async throws {
        try await comparer.settle()
        try await groups.adopt(try host.snapshot().groupsByFunction)
    }

    private func drift(on snapshot: HostSnapshot, _ cards: Set<PCIAddress>?) async throws -> [Drift] {
        let made = try await holdings.made(of: cards)
        return drift(in: made, on: snapshot).map { drift in
            state.isNew(drift.subject) ? drift.deferred(for: made.holdings.foreign, on: snapshot) : drift
        }
    }

    private func drift(in made: Made, on snapshot: HostSnapshot) -> [Drift] {
        let claims = made.claims.filter { $0.state.isHeld && !use.isStarting($0) }
        let unconfigured = state.unconfigured(on: snapshot)
        return Drift.all(from: made.declared, claims, on: snapshot, holdings: made.holdings)
            .filter { made.holdings.quarantine[$0.subject] == nil && !unconfigured.contains($0.card) }
    }

    /// Reports each drift once.
    ///
    /// - Returns: the drifts to repair.
    private func report(_ found: [Drift], on cards: Set<PCIAddress>?) async throws -> [Drift] {
        let policy = (try? configuration.inForce())?.repair ?? .report
        var repairable: [Drift] = []
        for drift in state.news(found, on: cards) {
            logger.warning("drift", metadata: ["function": "\(drift.subject)", "is": "\(drift)"])
            try await ledger.record(.drifted, subject: drift.subject.description, detail: drift.description)
            if let obstacle = drift.obstacle {
                try await ledger.record(.refused, subject: drift.subject.description, detail: obstacle.message)
            } else if policy == .automatic {
                repairable.append(drift)
            }
        }
        return repairable
    }

    /// - Throws: when the ledger cannot be written. An error of the host is reported and not thrown.
    private func repair(_ drift: Drift) async throws {
        let subject = drift.subject.description
        guard state.mayRepair(drift.subject) else {
            return try await ledger.record(
                .refused, subject: subject,
                detail: "repaired \(CardState.repairLimit) times in a short while: something else keeps changing it")
        }
        do {
            guard try await run(drift) else { return }
            state.repaired(drift.subject)
            logger.notice("drift repaired", metadata: ["function": "\(subject)"])
            try await ledger.record(.repaired, subject: subject, detail: drift.description)
            try await ledger.audit(
                "repair", subject: subject, detail: drift.description, result: "done", actor: .daemon)
        } catch {
            let reason = "\(error)"
            try await ledger.record(.failed, subject: subject, detail: "repair: \(reason)")
            try await ledger.audit(
                "repair", subject: subject, detail: drift.description, result: reason, actor: .daemon)
        }
    }

    /// - Returns: false when the claim ended meanwhile.
    private func run(_ drift: Drift) async throws -> Bool {
        if let id = drift.claim {
            guard let claim = try await ledger.claim(id), claim.state.isHeld else { return false }
            try await readiness.ready(claim, purpose: .prepare)
            return true
        }
        let hasMadeVFs: Bool = try await lanes.run(on: .card(drift.subject)) {
            let again = try await self.drift(on: host.snapshot(), [drift.subject])
            guard let now = again.first(where: { $0.subject == drift.subject && $0.obstacle == nil }) else {
                return false
            }
            try await executor.run(now.changes, context: Intent.Context(bootID: boot.id, purpose: .apply))
            return now.changes.contains(where: \.makesVFs)
        }
        if hasMadeVFs { try await settle() }
        return true
    }
}

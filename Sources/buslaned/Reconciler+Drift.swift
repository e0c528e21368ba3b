// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Ledger

extension Reconciler {
    /// Compares the host with how it was made, tells of what differs, and puts right what nothing is in use of.
    ///
    /// Decides on a fresh look alone: what events told serves to notice that there is something to look at.
    ///
    /// - Parameter cards: where something changed; nil looks everywhere.
    func checkForDrift(on cards: Set<PCIAddress>? = nil) async {
        // What changed may be what somebody waits for.
        defer { Task { await line.signal() } }
        do {
            try await applyAwaited()
            try await lanes.run(on: .host) {
                guard try await !drift(on: host.lastSeen(), cards, openGroups: [:]).isEmpty else {
                    return standing.atRest(on: cards)
                }
                // Once for a card, once for the VFs it then has, and once for what their claims need.
                for _ in 0..<3 {
                    let found = try await drift(on: host.snapshot(), cards, openGroups: host.openGroups())
                    let repairable = try await tell(found, on: cards)
                    if repairable.isEmpty { return }
                    for drift in repairable { try await repair(drift) }
                }
            }
        } catch {
            logger.error("drift could not be looked for", metadata: ["error": "\(error)"])
        }
    }

    private func drift(
        on snapshot: HostSnapshot, _ cards: Set<PCIAddress>?, openGroups: [Int: ProcessHolder]
    ) async throws -> [Drift] {
        var made = try await ledger.made(of: cards)
        made.holdings.openGroups = openGroups
        let claims = made.claims.filter { $0.state.isHeld && !isStarting($0) }
        return Planner.drift(from: made.declared, claims, on: snapshot, holdings: made.holdings)
            .filter { made.holdings.quarantine[$0.subject] == nil }
    }

    /// Tells of each drift once.
    ///
    /// - Returns: what is to be put right.
    private func tell(_ found: [Drift], on cards: Set<PCIAddress>?) async throws -> [Drift] {
        let policy = (try? configuration.inForce())?.repair ?? .report
        var repairable: [Drift] = []
        for drift in standing.news(found, on: cards) {
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

    /// - Throws: when the ledger cannot be written; what the host refuses is told.
    private func repair(_ drift: Drift) async throws {
        let subject = drift.subject.description
        guard standing.mayRepair(drift.subject) else {
            return try await ledger.record(
                .refused, subject: subject,
                detail: "put right \(CardState.repairLimit) times in a short while: somebody else goes on changing it")
        }
        do {
            if let id = drift.claim {
                guard let claim = try await ledger.claim(id), claim.state.isHeld else { return }
                try await ready(claim, purpose: .prepare)
            } else {
                try await lanes.run(on: .card(drift.subject)) {
                    let again = try await self.drift(
                        on: host.snapshot(), [drift.subject], openGroups: host.openGroups())
                    guard let now = again.first(where: { $0.subject == drift.subject && $0.obstacle == nil }) else {
                        return
                    }
                    try await executor.run(now.changes, context: Intent.Context(bootID: bootID, purpose: .apply))
                }
            }
            standing.settled(drift.subject)
            logger.notice("drift put right", metadata: ["function": "\(subject)"])
            try await ledger.record(.repaired, subject: subject, detail: drift.description)
            try await ledger.audit(
                "repair", subject: subject, detail: drift.description, result: "done", actor: .daemon)
        } catch {
            let reason = (error as? Refusal)?.message ?? "\(error)"
            try await ledger.record(.failed, subject: subject, detail: "repair: \(reason)")
            try await ledger.audit(
                "repair", subject: subject, detail: drift.description, result: reason, actor: .daemon)
        }
    }
}

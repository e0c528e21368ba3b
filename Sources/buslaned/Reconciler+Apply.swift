// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// The plan would take something from the host itself, and nobody has agreed to that yet.
struct ConfirmationNeeded: Error {
    let blastRadius: BlastRadius
}

extension Reconciler {
    /// What ``apply(_:confirmed:by:)`` would do now.
    func plan(for desired: DesiredState) async throws -> Plan {
        try Planner.plan(for: desired, on: host.snapshot(), holdings: await holdings())
    }

    /// Makes the host as declared.
    ///
    /// - Parameter confirmed: whether VFs with host interfaces may vanish.
    /// - Returns: what was done; empty when there was nothing to do.
    func apply(_ desired: DesiredState, confirmed: Bool, by actor: AuditEntry.Actor) async throws -> Plan {
        let plan = try await plan(for: desired)
        guard confirmed || plan.blastRadius.isEmpty else { throw ConfirmationNeeded(blastRadius: plan.blastRadius) }
        try await forgetRestored(desired, plan)
        if plan.isEmpty { return plan }
        return try await audited("apply", subject: "host", detail: plan.summary, by: actor) {
            try await carryOut(plan, for: desired)
            // Where the VFs came out elsewhere than foretold, their binding is planned from what is there now.
            try await carryOut(try await self.plan(for: desired), for: desired)
            // After a reboot, the VFs of claims that stand are back only now.
            try await adoptGroups(of: try host.snapshot())
            logger.notice("applied", metadata: ["plan": "\(plan.summary)"])
            return plan
        }
    }

    /// Works on every PF to its end, whatever becomes of the others.
    ///
    /// - Throws: the first failure, when all are through.
    private func carryOut(_ plan: Plan, for desired: DesiredState) async throws {
        for entry in plan.perPF where entry.purpose == .declared {
            guard let function = try host.function(at: entry.physicalFunction),
                let original = PFOriginal(of: function)
            else { continue }
            try await ledger.recordOriginal(original, of: entry.physicalFunction)
        }
        let failures: [any Error] = await withTaskGroup(of: (any Error)?.self) { group in
            for entry in plan.perPF {
                group.addTask {
                    do {
                        try await carryOut(entry, for: desired)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { failures, error in if let error { failures.append(error) } }
        }
        if let first = failures.first { throw first }
    }

    private func carryOut(_ entry: PFPlan, for desired: DesiredState) async throws {
        let pf = entry.physicalFunction
        try await lanes.run(on: pf) {
            // Planned anew on the lane: somebody may have claimed a VF, or applied the same, meanwhile.
            let now = try await plan(for: desired).perPF.first { $0.physicalFunction == pf }
            try await executor.run(now?.changes ?? [], context: Intent.Context(bootID: bootID, purpose: .apply))
        }
        if entry.purpose == .restored { try await ledger.forgetOriginal(of: pf) }
    }

    /// A PF that is undeclared and needs nothing is as it was found: what becomes of it now is not ours to put back.
    private func forgetRestored(_ desired: DesiredState, _ plan: Plan) async throws {
        let snapshot = try host.snapshot()
        let declared = Set(desired.physicalFunctions.flatMap { $0.selector.matches(in: snapshot) }.map(\.address))
        let busy = Set(plan.perPF.map(\.physicalFunction))
        for pf in try await ledger.holdings().originals.keys
        where snapshot[pf] != nil && !declared.contains(pf) && !busy.contains(pf) {
            try await ledger.forgetOriginal(of: pf)
        }
    }
}

extension Plan {
    /// `0000:3b:00.0 declared (9 steps), …`
    var summary: String {
        perPF.map { entry in
            "\(entry.physicalFunction) \(entry.purpose.rawValue) (\(entry.changes.reduce(0) { $0 + $1.steps.count }) steps)"
        }.joined(separator: ", ")
    }
}

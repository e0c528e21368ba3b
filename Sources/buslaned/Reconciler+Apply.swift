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
        if plan.isEmpty { return plan }
        return try await audited("apply", subject: "host", detail: plan.summary, by: actor) {
            try await carryOut(plan, for: desired)
            // Where the VFs came out elsewhere than foretold, their binding is planned from what is there now.
            try await carryOut(try await self.plan(for: desired), for: desired)
            logger.notice("applied", metadata: ["plan": "\(plan.summary)"])
            return plan
        }
    }

    private func carryOut(_ plan: Plan, for desired: DesiredState) async throws {
        for entry in plan.perPF where entry.purpose == .declared {
            guard let function = try host.function(at: entry.physicalFunction),
                let original = PFOriginal(of: function)
            else { continue }
            try await ledger.recordOriginal(original, of: entry.physicalFunction)
        }
        let context = Intent.Context(bootID: bootID, purpose: .apply)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for entry in plan.perPF {
                group.addTask {
                    try await lanes.run(on: entry.physicalFunction) {
                        // Planned anew on the lane: somebody may have claimed a VF, or applied the same, meanwhile.
                        let now = try await self.plan(for: desired).perPF.first {
                            $0.physicalFunction == entry.physicalFunction
                        }
                        try await executor.run(now?.changes ?? [], context: context)
                    }
                    if entry.purpose == .restored { try await ledger.forgetOriginal(of: entry.physicalFunction) }
                }
            }
            try await group.waitForAll()
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

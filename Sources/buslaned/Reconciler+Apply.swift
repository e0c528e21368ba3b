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

    /// Makes the host as declared. One apply at a time: two would undo each other's work.
    ///
    /// - Parameters:
    ///   - confirmed: whether VFs with host interfaces may vanish.
    ///   - report: told of each step, from any thread.
    /// - Returns: what was done; empty when there was nothing to do.
    func apply(
        _ desired: DesiredState, confirmed: Bool, by actor: AuditEntry.Actor,
        reporting report: @escaping @Sendable (ApplyProgress.Step) -> Void = { _ in }
    ) async throws -> Plan {
        try await lanes.run(on: .host) {
            let mark = lanes.ended
            let before = try host.snapshot()
            let holdings = try await holdings()
            let plan = try Planner.plan(for: desired, on: before, holdings: holdings)
            guard confirmed || plan.blastRadius.isEmpty else { throw ConfirmationNeeded(blastRadius: plan.blastRadius) }
            let declared = desired.met(on: before)
            if !desired.isPartial { try await forgetRestored(plan, declared, holdings, on: before) }
            guard !plan.isEmpty else {
                try await remember(declared, of: desired)
                return plan
            }
            let entry = AuditEntry.Draft("apply", subject: "host", detail: plan.summary, actor: actor)
            return try await recorded(entry) {
                try await recordOriginals(plan, on: before)
                let outcome = await carryOut(plan, since: mark, declared, holdings, ApplyProgress(of: plan, report))
                // After a reboot, the VFs of claims that stand are back only now.
                if !outcome.groups.isEmpty { try await adopt(groups: outcome.groups) }
                if let first = plan.perPF.lazy.compactMap({ outcome.failures[$0.physicalFunction] }).first {
                    try await remember(declared, of: desired, except: Set(outcome.failures.keys))
                    throw first
                }
                try await remember(declared, of: desired, applied: entry)
                logger.notice("applied", metadata: ["plan": "\(plan.summary)"])
                return plan
            }
        }
    }

    /// How the declared cards were found, before they are changed for the first time.
    private func recordOriginals(_ plan: Plan, on before: HostSnapshot) async throws {
        var originals: [PCIAddress: PFOriginal] = [:]
        for entry in plan.perPF where entry.purpose == .declared {
            originals[entry.physicalFunction] = before[entry.physicalFunction].flatMap(PFOriginal.init(of:))
        }
        try await ledger.recordOriginals(originals)
    }

    private struct Outcome {
        /// By PF.
        var failures: [PCIAddress: any Error] = [:]
        /// Of functions of cards that were cut up anew, their IOMMU groups.
        var groups: [PCIAddress: Int] = [:]
    }

    /// Works on every PF to its end, whatever becomes of the others.
    private func carryOut(
        _ plan: Plan, since mark: Int, _ declared: [PCIAddress: PFDeclaration], _ holdings: Holdings,
        _ pace: ApplyProgress
    ) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            for entry in plan.perPF {
                let pf = entry.physicalFunction
                group.addTask {
                    do {
                        return Outcome(groups: try await carryOut(entry, since: mark, declared[pf], holdings, pace))
                    } catch {
                        return Outcome(failures: [pf: error])
                    }
                }
            }
            return await group.reduce(into: Outcome()) { all, one in
                all.failures.merge(one.failures) { first, _ in first }
                all.groups.merge(one.groups) { first, _ in first }
            }
        }
    }

    /// - Parameters:
    ///   - mark: the lanes' before the look that the plan was made from.
    ///   - planned: what else it was made with.
    /// - Returns: the IOMMU groups of the card's functions, when it was cut up anew.
    private func carryOut(
        _ entry: PFPlan, since mark: Int, _ declaration: PFDeclaration?, _ planned: Holdings, _ pace: ApplyProgress
    ) async throws -> [PCIAddress: Int] {
        let pf = entry.physicalFunction
        let executor = executor.telling { pace.stepDone($0, of: pf) }
        let context = Intent.Context(bootID: bootID, purpose: .apply)
        let groups: [PCIAddress: Int] = try await lanes.run(on: .card(pf), since: mark) { isOutdated in
            let now = try await ledger.holdings()
            // Somebody may have claimed a VF meanwhile, or worked on the card.
            let isAsPlanned = !isOutdated && now.claims == planned.claims && now.quarantine == planned.quarantine
            let changes =
                isAsPlanned ? entry.changes : try await self.changes(of: pf, declaration, on: try card(at: pf))
            try await executor.run(changes, context: context)
            guard changes.contains(where: \.makesVFs) else { return [:] }
            // VFs may come out elsewhere than foretold: what they need yet is planned from what is there now.
            let after = try card(at: pf)
            try await executor.run(try await self.changes(of: pf, declaration, on: after), context: context)
            return after.groupsByFunction
        }
        if entry.purpose == .restored { try await ledger.forgetOriginal(of: pf) }
        return groups
    }

    /// What a card needs to be as declared; undeclared, to be as it was found. The rest of the host is no part of it.
    private func changes(
        of pf: PCIAddress, _ declaration: PFDeclaration?, on card: HostSnapshot
    ) async throws -> [Change] {
        var holdings = try await holdings()
        holdings.originals = holdings.originals.filter { $0.key == pf }
        var desired = DesiredState(physicalFunctions: [declaration].compactMap(\.self))
        desired.isPartial = declaration != nil
        return try Planner.plan(for: desired, on: card, holdings: holdings).perPF.flatMap(\.changes)
    }

    /// A PF with its VFs, as they are now.
    private func card(at address: PCIAddress) throws -> HostSnapshot {
        HostSnapshot(host: identity, iommu: IOMMU(enabled: true, kind: nil), functions: try host.card(at: address))
    }

    /// A PF that is undeclared and needs nothing is as it was found: what becomes of it now is not ours to put back.
    private func forgetRestored(
        _ plan: Plan, _ declared: [PCIAddress: PFDeclaration], _ holdings: Holdings, on snapshot: HostSnapshot
    ) async throws {
        let busy = Set(plan.perPF.map(\.physicalFunction))
        for pf in holdings.originals.keys where snapshot[pf] != nil && declared[pf] == nil && !busy.contains(pf) {
            try await ledger.forgetOriginal(of: pf)
        }
    }

    /// What is now as declared is what drift is measured against; of a PF that failed, what it was made before.
    ///
    /// - Parameter entry: what to write down of an apply that is done, in the same commit.
    private func remember(
        _ declared: [PCIAddress: PFDeclaration], of desired: DesiredState, except failed: Set<PCIAddress> = [],
        applied entry: AuditEntry.Draft? = nil
    ) async throws {
        Task { await line.signal() }
        try await ledger.recordDeclared(
            declared.filter { !failed.contains($0.key) },
            forgettingAllBut: desired.isPartial ? nil : Set(declared.keys), applied: entry)
    }
}

extension Plan {
    /// `0000:3b:00.0 declared (9 steps), …`
    var summary: String {
        perPF.map { entry in
            "\(entry.physicalFunction) \(entry.purpose.rawValue) (\(entry.stepCount) steps)"
        }.joined(separator: ", ")
    }
}

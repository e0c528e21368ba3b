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
        reporting report: @escaping @Sendable (Stride) -> Void = { _ in }
    ) async throws -> Plan {
        try await lanes.run(on: .host) {
            let before = try host.snapshot()
            let plan = try Planner.plan(for: desired, on: before, holdings: await holdings())
            guard confirmed || plan.blastRadius.isEmpty else { throw ConfirmationNeeded(blastRadius: plan.blastRadius) }
            try await forgetRestored(desired, plan, on: before)
            guard !plan.isEmpty else {
                try await remember(desired, on: before)
                return plan
            }
            let entry = AuditEntry.Draft("apply", subject: "host", detail: plan.summary, actor: actor)
            return try await recorded(entry) {
                let (failures, after) = try await carryOut(plan, for: desired, on: before, Pace(of: plan, report))
                if let first = failures.first {
                    try await remember(desired, on: after)
                    throw first
                }
                // After a reboot, the VFs of claims that stand are back only now.
                try await adoptGroups(of: after)
                try await remember(desired, on: after, applied: entry)
                logger.notice("applied", metadata: ["plan": "\(plan.summary)"])
                return plan
            }
        }
    }

    /// Works on every PF to its end, whatever becomes of the others; then once more, for VFs that came out elsewhere
    /// than foretold: their binding is planned from what is there now.
    ///
    /// - Returns: what failed, and the host afterwards.
    private func carryOut(
        _ plan: Plan, for desired: DesiredState, on before: HostSnapshot, _ pace: Pace
    ) async throws -> (failures: [any Error], after: HostSnapshot) {
        let failures = try await carryOutOnce(plan, desired, on: before, pace)
        let after = try look(againAt: plan, since: before)
        guard failures.isEmpty else { return (failures, after) }
        let rest = try Planner.plan(for: desired, on: after, holdings: await holdings())
        if rest.isEmpty { return ([], after) }
        return (try await carryOutOnce(rest, desired, on: after, pace), try look(againAt: rest, since: after))
    }

    /// The host after work on some of its cards: these are read again, each with all its VFs. What nobody worked on is as
    /// it was.
    private func look(againAt plan: Plan, since before: HostSnapshot) throws -> HostSnapshot {
        var now: [PCIAddress: Function?] = [:]
        for card in plan.perPF.map(\.physicalFunction) {
            for address in [card] + (before[card]?.sriov?.virtualFunctions ?? []) { now[address] = .some(nil) }
            for function in try host.card(at: card) { now[function.address] = function }
        }
        var after = before
        _ = after.update(now) { IOMMUGroup(id: $0, type: nil, functions: [], device: nil) }
        return after
    }

    private func carryOutOnce(
        _ plan: Plan, _ desired: DesiredState, on before: HostSnapshot, _ pace: Pace
    ) async throws -> [any Error] {
        // By PF, how it is declared; the others are put back.
        let declared = desired.met(on: before)
        var originals: [PCIAddress: PFOriginal] = [:]
        for entry in plan.perPF where entry.purpose == .declared {
            originals[entry.physicalFunction] = before[entry.physicalFunction].flatMap(PFOriginal.init(of:))
        }
        try await ledger.recordOriginals(originals)
        return await withTaskGroup(of: (any Error)?.self) { group in
            for entry in plan.perPF {
                group.addTask {
                    do {
                        try await carryOut(entry, declared[entry.physicalFunction], pace)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { failures, error in if let error { failures.append(error) } }
        }
    }

    private func carryOut(_ entry: PFPlan, _ declaration: PFDeclaration?, _ pace: Pace) async throws {
        let pf = entry.physicalFunction
        let executor = executor.telling { pace.stepDone($0, of: pf) }
        try await lanes.run(on: .card(pf)) {
            // Planned anew on the lane: somebody may have claimed a VF meanwhile. The rest of the host is no part of it.
            var holdings = try await holdings()
            holdings.originals = holdings.originals.filter { $0.key == pf }
            var desired = DesiredState(physicalFunctions: [declaration].compactMap(\.self))
            desired.isPartial = declaration != nil
            let now = try Planner.plan(for: desired, on: try card(at: pf), holdings: holdings)
            try await executor.run(
                now.perPF.flatMap(\.changes), context: Intent.Context(bootID: bootID, purpose: .apply))
        }
        if entry.purpose == .restored { try await ledger.forgetOriginal(of: pf) }
    }

    /// A PF with its VFs, as they are now.
    private func card(at address: PCIAddress) throws -> HostSnapshot {
        HostSnapshot(host: identity, iommu: IOMMU(enabled: true, kind: nil), functions: try host.card(at: address))
    }

    /// A PF that is undeclared and needs nothing is as it was found: what becomes of it now is not ours to put back.
    private func forgetRestored(_ desired: DesiredState, _ plan: Plan, on snapshot: HostSnapshot) async throws {
        if desired.isPartial { return }
        let declared = Set(desired.met(on: snapshot).keys)
        let busy = Set(plan.perPF.map(\.physicalFunction))
        for pf in try await ledger.holdings().originals.keys
        where snapshot[pf] != nil && !declared.contains(pf) && !busy.contains(pf) {
            try await ledger.forgetOriginal(of: pf)
        }
    }

    /// What is now as declared is what drift is measured against; of a PF that failed, what it was made before.
    ///
    /// - Parameter entry: what to write down of an apply that is done, in the same commit.
    private func remember(
        _ desired: DesiredState, on snapshot: HostSnapshot, applied entry: AuditEntry.Draft? = nil
    ) async throws {
        let met = desired.met(on: snapshot)
        var holdings = try await holdings()
        // What was taken back is behind us.
        holdings.declared.merge(met) { _, now in now }
        let made = met.filter { address, declaration in
            guard let function = snapshot[address] else { return false }
            return (try? Planner.plan(for: declaration, of: function, on: snapshot, holdings: holdings))?.isEmpty
                == true
        }
        Task { await line.signal() }
        try await ledger.recordDeclared(
            made, forgettingAllBut: desired.isPartial ? nil : Set(met.keys), applied: entry)
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

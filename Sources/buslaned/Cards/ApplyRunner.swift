// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Everything that a plan is made from.
struct PlanningLook: Sendable {
    let host: HostSnapshot
    let holdings: Holdings

    init(at host: any Host, _ reader: HoldingsReader) async throws {
        self.host = try host.snapshot()
        holdings = try await reader.holdings(for: .planning, opening: self.host.hostVFs)
    }

    static func shared(of host: any Host, _ reader: HoldingsReader) -> SharedLook<PlanningLook> {
        SharedLook { try await PlanningLook(at: host, reader) }
    }
}

/// Plans and applies a declared state.
struct ApplyRunner: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let holdings: HoldingsReader
    /// For plans that are only shown.
    let looks: SharedLook<PlanningLook>
    let comparer: CardComparer
    let groups: GroupAdoption
    let queue: AllocationQueue
    let audit: AuditRecorder
    let logger: Logger

    /// What ``apply(_:confirmed:by:reporting:)`` would do now.
    func plan(for desired: DesiredState) async throws -> Plan {
        let look = try await looks.now()
        let now = look.host
        var plan = try Planner.plan(for: desired, on: now, holdings: look.holdings)
        plan.notes = desired.outdatedAddresses(since: try await ledger.cards.lastLook(), on: now).map {
            "\($0). \($0.remedy)"
        }
        return plan
    }

    /// Applies the declared state to the host. One apply runs at a time.
    ///
    /// - Parameters:
    ///   - confirmed: whether VFs with host interfaces may vanish.
    ///   - report: is called for each step, on any thread.
    /// - Returns: what was done; empty when there was nothing to do.
    /// - Throws: a ``Refusal`` or ``ConfirmationNeeded`` before the first effect; the first failure of a PF after all
    ///   PFs were worked on.
    func apply(
        _ desired: DesiredState, confirmed: Bool, by actor: AuditEntry.Actor,
        reporting report: @escaping @Sendable (ApplyProgress.Step) -> Void = { _ in }
    ) async throws -> Plan {
        try await lanes.run(on: .host) {
            // A card that came meanwhile is not the one that the ledger means by its address.
            try await comparer.settle()
            // 1. Look, decide and refuse.
            let mark = lanes.ended
            let look = try await PlanningLook(at: host, holdings)
            let (before, held) = (look.host, look.holdings)
            let plan = try Planner.plan(for: desired, on: before, holdings: held)
            guard confirmed || plan.blastRadius.isEmpty else { throw ConfirmationNeeded(blastRadius: plan.blastRadius) }
            let declared = desired.met(on: before)
            if !desired.isPartial { try await forgetRestored(plan, declared, held, on: before) }
            guard !plan.isEmpty else {
                try await remember(declared, of: desired)
                try await accept(desired, by: actor)
                return plan
            }
            // 2. Act, and record the result.
            let entry = AuditEntry.Draft("apply", subject: "host", detail: plan.summary, actor: actor)
            return try await audit.recorded(entry) {
                try await recordOriginals(plan, on: before)
                let outcome = await run(plan, since: mark, declared, held, ApplyProgress(of: plan, report))
                if !outcome.groups.isEmpty {
                    // VFs of one card can have addresses that are recorded for another one, which is away.
                    try await comparer.settle()
                    // The VFs of older claims may exist again only now.
                    try await groups.adopt(outcome.groups)
                }
                if let first = plan.perPF.lazy.compactMap({ outcome.failures[$0.physicalFunction] }).first {
                    try await remember(declared, of: desired, except: Set(outcome.failures.keys))
                    throw first
                }
                try await remember(declared, of: desired, applied: entry)
                try await accept(desired, by: actor)
                logger.notice("applied", metadata: ["plan": "\(plan.summary)"])
                return plan
            }
        }
    }

    // MARK: - The work

    private struct Outcome {
        /// By PF.
        var failures: [PCIAddress: any Error] = [:]
        /// By function of a PF whose VFs were made anew, its IOMMU group.
        var groups: [PCIAddress: Int] = [:]
    }

    /// Works on every PF to its end, even when others fail.
    private func run(
        _ plan: Plan, since mark: Int, _ declared: [PCIAddress: PFDeclaration], _ held: Holdings,
        _ progress: ApplyProgress
    ) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            for entry in plan.perPF {
                let pf = entry.physicalFunction
                group.addTask {
                    do {
                        return Outcome(groups: try await run(entry, since: mark, declared[pf], held, progress))
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
    ///   - mark: the lanes' count before the look that the plan was made from.
    ///   - planned: the holdings that the plan was made with.
    /// - Returns: the IOMMU groups of the PF's functions, when its VFs were made anew.
    private func run(
        _ entry: PFPlan, since mark: Int, _ declaration: PFDeclaration?, _ planned: Holdings, _ progress: ApplyProgress
    ) async throws -> [PCIAddress: Int] {
        let pf = entry.physicalFunction
        let executor = executor.reporting { progress.stepDone($0, of: pf) }
        let context = Intent.Context(bootID: boot.id, purpose: .apply)
        let groups: [PCIAddress: Int] = try await lanes.run(on: .card(pf), since: mark) { isOutdated in
            let now = try await ledger.holdings()
            // A VF may have been claimed meanwhile, or the PF been worked on.
            let isAsPlanned = !isOutdated && now.claims == planned.claims && now.quarantine == planned.quarantine
            let changes =
                isAsPlanned ? entry.changes : try await self.changes(of: pf, declaration, on: try snapshot(of: pf))
            try await executor.run(changes, context: context)
            guard changes.contains(where: \.makesVFs) else { return [:] }
            // VFs can appear at other addresses than predicted. The rest is planned from what is there now.
            let after = try snapshot(of: pf)
            try await executor.run(try await self.changes(of: pf, declaration, on: after), context: context)
            return after.groupsByFunction
        }
        if entry.purpose == .restored { try await ledger.forgetOriginal(of: pf) }
        return groups
    }

    /// What a PF needs to be as declared; without a declaration, to return to its original state.
    private func changes(
        of pf: PCIAddress, _ declaration: PFDeclaration?, on card: HostSnapshot
    ) async throws -> [Change] {
        var held = try await holdings.holdings(for: .planning, opening: card.hostVFs)
        held.originals = held.originals.filter { $0.key == pf }
        var desired = DesiredState(physicalFunctions: [declaration].compactMap(\.self))
        desired.isPartial = declaration != nil
        return try Planner.plan(for: desired, on: card, holdings: held).perPF.flatMap(\.changes)
    }

    /// A PF with its VFs, as they are now.
    private func snapshot(of pf: PCIAddress) throws -> HostSnapshot {
        HostSnapshot(
            host: boot.identity, iommu: IOMMU(enabled: true, kind: nil), functions: try host.card(at: pf))
    }

    // MARK: - What the ledger keeps

    /// The state of the declared PFs before they are changed for the first time.
    private func recordOriginals(_ plan: Plan, on before: HostSnapshot) async throws {
        var originals: [PCIAddress: PFOriginal] = [:]
        for entry in plan.perPF where entry.purpose == .declared {
            originals[entry.physicalFunction] = before[entry.physicalFunction].flatMap(PFOriginal.init(of:))
        }
        try await ledger.recordOriginals(originals, cards: try cards(at: originals.keys))
    }

    /// A PF that is not declared and needs no change is in its original state. Later changes of it are not Buslane's.
    private func forgetRestored(
        _ plan: Plan, _ declared: [PCIAddress: PFDeclaration], _ held: Holdings, on snapshot: HostSnapshot
    ) async throws {
        let busy = Set(plan.perPF.map(\.physicalFunction))
        for pf in held.originals.keys
        where snapshot[pf] != nil && declared[pf] == nil && !busy.contains(pf)
            && !CardDoubt.isReason(held.quarantine[pf])
        {
            try await ledger.forgetOriginal(of: pf)
        }
    }

    /// Drift is measured against what is applied now. A PF that failed keeps what was applied before.
    ///
    /// - Parameter entry: the audit entry of a complete apply, written in the same commit; nil for none.
    private func remember(
        _ declared: [PCIAddress: PFDeclaration], of desired: DesiredState, except failed: Set<PCIAddress> = [],
        applied entry: AuditEntry.Draft? = nil
    ) async throws {
        Task { await queue.signal() }
        let made = declared.filter { !failed.contains($0.key) }
        try await ledger.recordDeclared(
            made, cards: try cards(at: made.keys),
            forgettingAllBut: desired.isPartial ? nil : Set(declared.keys), applied: entry)
    }
}

extension ApplyRunner {
    /// Who applies a whole configuration says that its addresses mean the cards that are there now.
    private func accept(_ desired: DesiredState, by actor: AuditEntry.Actor) async throws {
        if actor != .daemon, !desired.isPartial { try await ledger.cards.acceptPlaces() }
    }

    private func cards(at addresses: some Collection<PCIAddress>) throws -> [PCIAddress: CardIdentity] {
        var cards: [PCIAddress: CardIdentity] = [:]
        for address in addresses { cards[address] = try host.freshCardIdentity(at: address) }
        return cards
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

extension HostSnapshot {
    /// The VFs on host drivers, which a plan can unbind or remove.
    fileprivate var hostVFs: Set<PCIAddress> {
        Set(functions.filter { $0.virtualFunction != nil && $0.isOnHostDriver }.map(\.address))
    }
}

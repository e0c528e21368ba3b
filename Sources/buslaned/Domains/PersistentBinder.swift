// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Logging

/// Makes a domain's persistent XML what its request asks for: claims, then one definition with their devices.
struct PersistentBinder: Sendable {
    let access: DomainAccess
    let claims: DomainClaims
    let requests: DomainRequests
    let candidates: CandidateSelection
    let exchange: ClaimExchange
    let use: ClaimUse
    let release: ClaimRelease
    let audit: AuditRecorder
    let logger: Logger

    /// The persistent XML has what the request asks for, or is as it was.
    ///
    /// - Returns: what was done, a line each.
    /// - Throws: a ``Refusal``, and ``DomainTrouble`` for what has to wait or is the owner's decision.
    func bind(_ binding: DomainBinding, by actor: AuditEntry.Actor) async throws -> [String] {
        let (domain, request, plan) = (binding.domain, binding.request, binding.plan)
        // 1. What can be refused before anything is claimed.
        try plan.refuseClashes(in: domain)
        let changes = try await changes(of: plan, domain, request)
        let missing = try (plan.unclaimed + changes.replacing).map {
            try requests.claimRequest(for: $0, in: request, of: domain, uid: nil)
        }
        let going = binding.held.filter { changes.replaced.contains($0.id) }
        let kept = binding.held.filter { !changes.replaced.contains($0.id) }
        try await claims.refuseFarAway(missing, besides: kept, of: domain, request, isRunning: binding.isActive)
        // 2. New claims, then the definition that has their devices.
        let (made, replaced) = try await exchange.exchange(going, for: missing, by: actor)
        var done: [String]
        do {
            let held = try await apply(changes, to: kept + made, by: actor)
            let record = plan.record(of: domain, held, request, unless: changes.waiting)
            done = try await define(binding, plan, held, made, record, by: actor)
        } catch {
            await exchange.undo(replaced, releasing: made, by: actor)
            throw error
        }
        // 3. Claims that the definition no longer needs.
        try await exchange.finish(replaced, by: actor)
        done += going.map { "released \($0.id)" }
        for claim in plan.released where try await release.releaseUnused(claim, by: actor) {
            done.append("released \(claim.id)")
        }
        try refuseLeftOver(plan, changes, binding)
        return done
    }

    private func changes(
        of plan: BindingPlan, _ domain: Domain, _ request: DomainRequest?
    ) async throws -> ClaimChanges {
        var fates: [BindingPlan.Change: ClaimChanges.Fate] = [:]
        for change in plan.changed + plan.replaced {
            let wanted = try requests.claimRequest(for: change.device, in: request, of: domain, uid: nil)
            let isMoved = plan.replaced.contains(change)
            if !isMoved, try candidates.settings(of: change.device.name, in: change.claim, for: wanted) == nil {
                continue
            }
            if try use.isInUse(change.claim) {
                fates[change] = .waiting
            } else if isMoved, try await !candidates.suits(change.claim, wanted) {
                fates[change] = .replaced
            } else {
                fates[change] = .kept(wanted)
            }
        }
        return ClaimChanges(of: plan, fates)
    }

    /// - Returns: the claims as they are then.
    private func apply(
        _ changes: ClaimChanges, to claims: [Claim], by actor: AuditEntry.Actor
    ) async throws -> [Claim] {
        var held = claims
        for change in changes.kept {
            guard var now = held.first(where: { $0.id == change.claim }) else { continue }
            if change.isMoved { now = try await exchange.repool(now, as: change.request, by: actor) }
            if let settings = try candidates.settings(of: change.device, in: now, for: change.request) {
                now = try await exchange.change(settings, of: change.device, in: now)
            }
            held = held.map { $0.id == now.id ? now : $0 }
        }
        return held
    }

    /// Writes the claimed devices and their record in one definition; nothing where all of it is there.
    private func define(
        _ binding: DomainBinding, _ plan: BindingPlan, _ held: [Claim], _ made: [Claim], _ record: DomainAssignment,
        by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let (domain, request) = (binding.domain, binding.request)
        let names = Set(plan.wanted.map(\.name)).union(plan.followed.subtracting(plan.removed))
        let devices = try domain.devices(for: held.flatMap { $0.assignments(for: names) }, request)
        let rest = try domain.removing(names: plan.removed)
        let edited = try claims.adding(devices, to: rest, request, isRunning: binding.isActive).recording(record)
        guard edited != domain else { return [] }
        let before = Dictionary(domain.injected.map { ($0.name, $0.address) }) { first, _ in first }
        let done =
            made.map { "claimed \($0.assignments.map(\.address.description).joined(separator: ", ")) as \($0.id)" }
            + devices.filter { before[$0.name] == nil }.map { "added \($0.name) (\($0.address))" }
            + held.flatMap(\.assignments).filter { $0.hasLeft(before[$0.name]) }
            .map { "moved \($0.name) to \($0.address)" }
            + plan.removed.sorted().map { "took out \($0)" }
        let detail = done.isEmpty ? "changed" : done.joined(separator: "; ")
        return try await audit.audited("domain sync", subject: domain.name, detail: detail, by: actor) {
            _ = try await access.libvirt.define(edited.text)
            logger.notice("domain bound", metadata: ["domain": "\(domain.name)", "done": "\(detail)"])
            return done.isEmpty ? ["changed its devices"] : done
        }
    }

    /// - Throws: ``DomainTrouble`` for what has to wait, and for what the domain's owner has to decide.
    private func refuseLeftOver(
        _ plan: BindingPlan, _ changes: ClaimChanges, _ binding: DomainBinding
    ) throws(DomainTrouble) {
        if let device = changes.waiting.min() { throw .changesAfterStop(device, of: binding.domain.name) }
        if let moved = plan.moved.first {
            let claimed = binding.held.compactMap { $0.address(of: moved.name) }.first
            throw .movedByHand(moved, claimed: claimed, of: binding.domain.name)
        }
    }
}

extension Assignment {
    /// Whether its function had the address before and has another one now.
    fileprivate func hasLeft(_ address: PCIAddress?) -> Bool {
        address.map { $0 != self.address && formers.contains($0) } ?? false
    }
}

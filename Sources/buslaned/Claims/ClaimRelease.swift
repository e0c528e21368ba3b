// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Ends claims: restores the functions to their original state and frees them.
struct ClaimRelease: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let use: ClaimUse
    let comparer: CardComparer
    let queue: AllocationQueue
    let audit: AuditRecorder
    let permissions: Permissions
    let logger: Logger

    /// The result of a release.
    enum Outcome: Sendable {
        case released(Claim)
        /// The claim had ended before. Nothing was done.
        case alreadyReleased(Claim)
    }

    /// Ends a claim and restores its functions.
    ///
    /// - Parameter generation: the generation that the caller knows; nil for the present one.
    /// - Throws: a ``Refusal`` when a guest has the claim, or it changed.
    func release(_ id: String, generation: Int? = nil, by actor: AuditEntry.Actor) async throws -> Outcome {
        let openGroups = try host.openGroups()
        let start = try await ledger.transitions.beginRelease(of: id, generation: generation) { claim in
            if let (address, process) = try use.holder(of: claim, among: openGroups) {
                return .function(address, .inUseByOwner(owner: claim.ownerName, process))
            }
            return use.isStarting(claim) ? .claim(claim.id, .guestStarting(domain: claim.ownerName)) : nil
        }
        switch start {
        case .over(let claim): return .alreadyReleased(claim)
        case .refused(let claim, let refusal):
            try await audit.failed(AuditEntry.Draft(releasing: claim, by: actor), refusal)
            throw refusal
        case .begun(let claim):
            let entry = AuditEntry.Draft(releasing: claim, by: actor)
            return try await audit.recorded(entry) {
                try await finish(claim, audit: entry)
                logger.notice("released", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
                var released = claim
                released.state = .released
                return .released(released)
            }
        }
    }

    /// Ends claims at a client's request: those with these ids, then every live claim of an owner.
    ///
    /// - Throws: before the first claim ends, a ``Refusal`` for a claim that does not exist or that the client does not
    ///   own.
    func release(
        _ ids: [String], allOf owner: Owner?, generation: Int?, for peer: PeerCredentials
    ) async throws -> [Outcome] {
        // Root may release every claim, and the release of a single claim checks whether it exists.
        if peer.uid != 0 || ids.count != 1 || owner != nil {
            var claims = try await ledger.existingClaims(ids)
            if let owner { claims += try await ledger.claims(of: owner) }
            try await permissions.mustOwn(claims, peer, to: "release")
        }
        var outcomes: [Outcome] = []
        for id in ids { outcomes.append(try await release(id, generation: generation, by: peer.actor)) }
        if let owner { outcomes += try await release(allOf: owner, by: peer.actor) }
        return outcomes
    }

    /// Ends every live claim of an owner.
    func release(allOf owner: Owner, by actor: AuditEntry.Actor) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for claim in try await ledger.claims(of: owner) {
            outcomes.append(try await release(claim.id, by: actor))
        }
        return outcomes
    }

    /// Ends a claim unless a guest has it.
    ///
    /// - Returns: whether it ended.
    func releaseUnused(_ claim: Claim, by actor: AuditEntry.Actor) async throws -> Bool {
        guard try !use.isInUse(claim) else { return false }
        do {
            _ = try await release(claim.id, generation: claim.generation, by: actor)
            return true
        } catch let refusal as Refusal {
            // A start of the guest came first.
            switch refusal {
            case .claim(_, .staleGeneration), .claim(_, .guestStarting), .function(_, .inUseByOwner): return false
            default: throw refusal
            }
        }
    }

    /// Ends the claims made for the request of a domain that is gone. Claims made by hand for it stay.
    ///
    /// - Returns: what was done, one line for each claim.
    func releaseRequested(of owner: Owner, by actor: AuditEntry.Actor) async throws -> [String] {
        var done: [String] = []
        for claim in try await ledger.claims(of: owner) where claim.state.isHeld && claim.uid == nil {
            if try await releaseUnused(claim, by: actor) { done.append("released \(claim.id)") }
        }
        return done
    }

    /// Ends a claim once no process has its functions open. QEMU reports that a device is gone shortly before it closes
    /// the group, and no event follows.
    func releaseWhenClosed(_ claim: Claim, within limit: Duration, by actor: AuditEntry.Actor) async throws {
        let deadline = ContinuousClock.now + limit
        while try use.holder(of: claim, among: host.openGroups()) != nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        _ = try await release(claim.id, by: actor)
    }

    /// Ends claims whose client disconnected before it received them.
    ///
    /// - Parameter actor: the client.
    func releaseUndelivered(_ claims: [Claim], by actor: AuditEntry.Actor) async throws {
        for claim in claims {
            try await ledger.audit(
                "answer", subject: claim.id, detail: claim.ownerName,
                result: "the client disconnected before the reply: released", actor: actor)
            _ = try await release(claim.id, by: .daemon)
        }
    }

    // MARK: - The work

    /// Restores the functions of a claim in state `releasing`, and ends it.
    ///
    /// A function that cannot be restored goes into quarantine. One that is perhaps another card's keeps its state, and the
    /// doubt ends with the claim.
    ///
    /// - Parameter entry: the audit entry for the end of the claim.
    func finish(_ claim: Claim, audit entry: AuditEntry.Draft? = nil) async throws {
        let quarantine = try await ledger.quarantine()
        var isAnyInDoubt = false
        for assignment in claim.assignments.reversed() {
            if CardDoubt.isReason(quarantine[assignment.address]) {
                isAnyInDoubt = true
                continue
            }
            do {
                let isRestored: Bool = try await lanes.run(on: .card(assignment.physicalFunction)) {
                    // A function that is gone needs nothing. One that cannot be read is not gone: this throws.
                    if let doubt = try doubt(about: assignment) {
                        logger.warning(
                            "not restored", metadata: ["function": "\(assignment.address)", "reason": "\(doubt)"])
                        return false
                    }
                    try await restore(assignment)
                    return true
                }
                if !isRestored { isAnyInDoubt = true }
            } catch {
                logger.error(
                    "quarantined", metadata: ["function": "\(assignment.address)", "reason": "\(error)"])
                try await ledger.quarantine(assignment.address, reason: "could not be restored: \(error)")
            }
        }
        try await ledger.transitions.end(claim: claim.id, audit: entry)
        if isAnyInDoubt { try await comparer.settle() }
        Task.immediate { await queue.signal() }
    }

    /// Why the function is certainly not the claim's; nil if nothing contradicts.
    private func doubt(about assignment: Assignment) throws -> CardDoubt? {
        assignment.doubt(
            about: try host.function(at: assignment.address, with: []),
            on: try host.freshCardIdentity(at: assignment.physicalFunction))
    }

    /// Needs no intents: the claim's state and the original states in its assignments record the work.
    ///
    /// Some drivers cannot remove a MAC address. The VF then gets the stable address that it has without a claim.
    private func restore(_ assignment: Assignment) async throws {
        let look = FreshLook(host: host)
        do {
            try await executor.run(try ClaimPlanner.restore(assignment, on: look), context: nil)
        } catch let failure as Executor.Failure {
            guard case .setVFSettings = failure.action, let other = assignment.leavingStableMAC(on: boot.identity)
            else { throw failure }
            logger.warning(
                "the driver keeps a MAC address: set the stable one",
                metadata: ["function": "\(assignment.address)"])
            try await executor.run(try ClaimPlanner.restore(other, on: look), context: nil)
        }
    }
}

extension Ledger {
    /// - Throws: ``Refusal/unknownClaim(_:)`` for the first id that no claim has.
    func existingClaims(_ ids: [String]) async throws -> [Claim] {
        var claims: [Claim] = []
        for id in ids {
            guard let claim = try await claim(id) else { throw Refusal.claim(id, .unknown) }
            claims.append(claim)
        }
        return claims
    }
}

extension AuditEntry.Draft {
    init(releasing claim: Claim, by actor: AuditEntry.Actor) {
        self.init("release", subject: claim.id, detail: claim.ownerName, actor: actor)
    }
}

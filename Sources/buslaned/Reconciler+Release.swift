// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// What a release found.
    enum ReleaseOutcome: Sendable {
        case released(Claim)
        /// It had been released before: nothing was done.
        case alreadyReleased(Claim)
    }

    /// Ends a claim and puts its functions back as they were found.
    ///
    /// - Parameter generation: the one that the caller knows; nil for whichever it has.
    func release(_ id: String, generation: Int? = nil, by actor: AuditEntry.Actor) async throws -> ReleaseOutcome {
        let openGroups = try host.openGroups()
        let start = try await ledger.beginRelease(of: id, generation: generation) { claim in
            if let (address, holder) = try use(of: claim, among: openGroups) {
                return .inUseByOwner(address, owner: claim.ownerName, holder)
            }
            return isStarting(claim) ? .guestStarting(claim: claim.id, domain: claim.ownerName) : nil
        }
        switch start {
        case .over(let claim): return .alreadyReleased(claim)
        case .refused(let claim, let refusal):
            try await noteRefusal(AuditEntry.Draft(releasing: claim, by: actor), refusal)
            throw refusal
        case .begun(let claim):
            let entry = AuditEntry.Draft(releasing: claim, by: actor)
            return try await recorded(entry) {
                try await giveBack(claim, audit: entry)
                logger.notice("released", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
                var released = claim
                released.state = .released
                return .released(released)
            }
        }
    }

    /// Every live claim of an owner.
    func release(allOf owner: Owner, by actor: AuditEntry.Actor) async throws -> [ReleaseOutcome] {
        var outcomes: [ReleaseOutcome] = []
        for claim in try await ledger.claims(of: owner) {
            outcomes.append(try await release(claim.id, by: actor))
        }
        return outcomes
    }

    /// Puts the functions of a claim that is in state `releasing` back, and ends it.
    ///
    /// A function that cannot be put back is set aside, never handed on.
    ///
    /// - Parameter audit: what to write down when it has ended.
    func giveBack(_ claim: Claim, audit: AuditEntry.Draft? = nil) async throws {
        for assignment in claim.assignments.reversed() {
            do {
                try await lanes.run(on: .card(card(of: assignment))) {
                    // One that cannot be read is not one that is gone: that needs nothing.
                    _ = try host.binding(at: assignment.address)
                    try await putBack(assignment)
                }
            } catch {
                logger.error(
                    "quarantined", metadata: ["function": "\(assignment.address)", "reason": "\(error)"])
                try await ledger.quarantine(assignment.address, reason: "could not be put back: \(error)")
            }
        }
        try await ledger.end(claim: claim.id, audit: audit)
        Task.immediate { await line.signal() }
    }

    /// Needs no intents: the claim's state says that its functions go back, and its assignments say to what.
    ///
    /// Some drivers take no MAC address away again: rather than none, the VF then has the one that is its own anyway.
    private func putBack(_ assignment: Assignment) async throws {
        let live = FreshLook(host: host)
        do {
            try await executor.run(try Planner.restore(assignment, on: live), context: nil)
        } catch let failure as Executor.Failure {
            guard case .setVFSettings = failure.action, let other = assignment.leavingStableMAC(on: identity) else {
                throw failure
            }
            logger.warning("a MAC address was left", metadata: ["function": "\(assignment.address)"])
            try await executor.run(try Planner.restore(other, on: live), context: nil)
        }
    }
}

extension AuditEntry.Draft {
    init(releasing claim: Claim, by actor: AuditEntry.Actor) {
        self.init("release", subject: claim.id, detail: claim.ownerName, actor: actor)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// Makes a claim and readies its functions: recorded first, and given back whole if one of them cannot be readied.
    func allocate(_ request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        try await audited(
            "allocate", subject: request.pool.name, detail: "\(request.count) for \(request.ownerName)", by: actor
        ) {
            let snapshot = try host.snapshot()
            let openGroups = try host.openGroups()
            let disks = host.disksInUse()
            var claim = try await ledger.allocate(bootID: bootID) { held in
                var holdings = held
                holdings.openGroups = openGroups
                holdings.disks = disks
                var functions = try Placement.choose(for: request, on: snapshot, holdings: holdings)
                // One that has just been given back may show in the snapshot as its last owner had it, and would be
                // remembered so: what is recorded is read while nobody has it.
                if try functions.contains(where: { try host.function(at: $0.address) != $0 }) {
                    functions = try Placement.choose(for: request, on: host.snapshot(), holdings: holdings)
                }
                return Ledger.Draft(
                    request: request,
                    slots: functions.map { .init(function: $0, settings: request.settings(for: $0, on: identity)) })
            }
            do {
                try await ready(claim, purpose: .allocate)
            } catch {
                if try await ledger.setState(.releasing, ofClaim: claim.id, from: [.pending]) {
                    try await giveBack(claim)
                }
                throw error
            }
            claim.state = .bound
            try await ledger.setState(.bound, ofClaim: claim.id, from: [.pending])
            logger.notice("allocated", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
            return claim
        }
    }

    /// What a release found.
    enum ReleaseOutcome: Sendable {
        case released(Claim)
        /// It had been released before: nothing was done.
        case alreadyReleased(Claim)
    }

    /// Ends a claim and puts its functions back as they were found.
    func release(_ id: String, by actor: AuditEntry.Actor) async throws -> ReleaseOutcome {
        guard let claim = try await ledger.claim(id) else { throw Refusal.unknownClaim(id) }
        switch claim.state {
        case .released, .releasing: return .alreadyReleased(claim)
        case .pending: throw Refusal.claimChanging(id)
        case .bound: break
        }
        return try await audited("release", subject: id, detail: claim.ownerName, by: actor) {
            if let (address, holder) = try use(of: claim, among: host.openGroups()) {
                throw Refusal.inUseByOwner(address, owner: claim.ownerName, holder)
            }
            if starting.contains(claim.id) {
                throw Refusal.guestStarting(claim: claim.id, domain: claim.ownerName)
            }
            // Of two releases at once, one gives back: the other's picture of the claim is old by then, and the
            // functions may be somebody else's.
            guard try await ledger.setState(.releasing, ofClaim: claim.id, from: [.bound]) else {
                return .alreadyReleased(claim)
            }
            // The hook may have let a start through since the look above. It says so before it looks at the claim's
            // state, and here it is the other way round: one of the two sees the other.
            if starting.contains(claim.id) {
                try await ledger.setState(.bound, ofClaim: claim.id, from: [.releasing])
                throw Refusal.guestStarting(claim: claim.id, domain: claim.ownerName)
            }
            try await giveBack(claim)
            logger.notice("released", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
            var released = claim
            released.state = .released
            return .released(released)
        }
    }

    /// A function of the claim that a process has open, by the group it is in now; nil when none is.
    func use(of claim: Claim, among openGroups: [Int: ProcessHolder]) throws -> (PCIAddress, ProcessHolder)? {
        for assignment in claim.assignments {
            guard let group = try host.function(at: assignment.address)?.iommuGroup, let holder = openGroups[group]
            else { continue }
            return (assignment.address, holder)
        }
        return nil
    }

    /// Every live claim of an owner.
    func release(allOf owner: Owner, by actor: AuditEntry.Actor) async throws -> [ReleaseOutcome] {
        var outcomes: [ReleaseOutcome] = []
        for claim in try await ledger.claims() where claim.owner == owner {
            outcomes.append(try await release(claim.id, by: actor))
        }
        return outcomes
    }

    /// Makes a claim's functions ready, or verifies that they are.
    func ready(_ claim: Claim, purpose: Recovery.Purpose) async throws {
        let context = Intent.Context(bootID: bootID, purpose: purpose, claim: claim.id)
        for assignment in claim.assignments {
            try await lanes.run(on: .card(card(of: assignment))) {
                // Looked at again on the lane: a release may have gone first.
                guard let now = try await ledger.claim(claim.id), now.assignments.contains(assignment),
                    now.state == claim.state
                else { throw Refusal.unknownClaim(claim.id) }
                let changes = try Planner.ready(assignment, on: LiveFunctions(host: host))
                try await executor.run(changes, context: context)
            }
        }
    }

    /// Puts the functions of a claim that is in state `releasing` back, and ends it.
    ///
    /// A function that cannot be put back is set aside, never handed on.
    func giveBack(_ claim: Claim) async throws {
        let context = Intent.Context(bootID: bootID, purpose: .release, claim: claim.id)
        for assignment in claim.assignments.reversed() {
            do {
                try await lanes.run(on: .card(card(of: assignment))) {
                    // One that cannot be read is not one that is gone: that needs nothing.
                    _ = try host.function(at: assignment.address)
                    try await putBack(assignment, context: context)
                }
            } catch {
                logger.error(
                    "quarantined", metadata: ["function": "\(assignment.address)", "reason": "\(error)"])
                try await ledger.quarantine(assignment.address, reason: "could not be put back: \(error)")
            }
        }
        try await ledger.end(claim: claim.id)
    }

    /// Some drivers take no MAC address away again: rather than none, the VF then has the one that is its own anyway.
    private func putBack(_ assignment: Assignment, context: Intent.Context) async throws {
        do {
            try await executor.run(try Planner.restore(assignment, on: LiveFunctions(host: host)), context: context)
        } catch let failure as Executor.Failure {
            guard case .setVFSettings = failure.action, let other = assignment.leavingStableMAC(on: identity) else {
                throw failure
            }
            logger.warning("a MAC address was left", metadata: ["function": "\(assignment.address)"])
            try await executor.run(try Planner.restore(other, on: LiveFunctions(host: host)), context: context)
        }
    }
}

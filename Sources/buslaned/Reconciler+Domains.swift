// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// What becomes of a domain's claims when what it asks for changes, or nobody asks any more.
extension Reconciler {
    /// The claims of an owner that stand.
    func claims(heldBy owner: Owner) async throws -> [Claim] {
        try await ledger.claims(of: owner).filter(\.state.isHeld)
    }

    /// Whether a guest has the claim's functions, or is on its way to.
    func isInUse(_ claim: Claim) throws -> Bool {
        try isStarting(claim) || use(of: claim, among: host.openGroups()) != nil
    }

    /// Which functions the requests would get now; nil when they would be refused.
    func foreseen(_ requests: [ClaimRequest]) async throws -> [[Function]]? {
        try? Placement.choose(together: requests, on: try host.lastSeen(), holdings: try await holdings())
    }

    /// Whether a claim that is to be another one need not be exchanged.
    func suits(_ claim: Claim, _ request: ClaimRequest) async throws -> Bool {
        Placement.suits(claim, request, on: try host.lastSeen(), holdings: try await holdings())
    }

    /// Makes such a claim one of the pool that is asked for now.
    ///
    /// - Returns: the claim as it is then.
    func repool(_ claim: Claim, as request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        let entry = AuditEntry.Draft(
            "repool", subject: claim.id, detail: "\(request.pool.name), NUMA \(request.numa)", actor: actor)
        return try await recorded(entry) {
            try await ledger.repool(claim, as: request, audit: entry)
            guard let now = try await ledger.claim(claim.id) else { throw Refusal.unknownClaim(claim.id) }
            return now
        }
    }

    /// Makes claims that take the place of others of the same owner.
    ///
    /// The others stand until it is known that these stay. Only where these could be had of what the others have alone,
    /// two pools of one function each exchanged, do the others go first.
    ///
    /// - Returns: what was made, and which of the others are still to be given back or taken back.
    func exchange(
        _ replaced: [Claim], for requests: [ClaimRequest], by actor: AuditEntry.Actor
    ) async throws -> (made: [Claim], replaced: [Claim]) {
        if requests.isEmpty { return ([], replaced) }
        if !replaced.isEmpty, (try? await foresee(requests, without: [])) == nil,
            (try? await foresee(requests, without: replaced)) != nil
        {
            for claim in replaced { _ = try await release(claim.id, generation: claim.generation, by: actor) }
            return (try await allocate(all: requests, by: actor), [])
        }
        return (try await allocate(all: requests, replacing: replaced, by: actor), replaced)
    }

    /// Ends claims that others have taken the place of.
    func giveBack(replaced claims: [Claim], by actor: AuditEntry.Actor) async throws {
        for claim in claims {
            try await giveBack(claim, audit: AuditEntry.Draft(releasing: claim, by: actor))
            logger.notice("replaced", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        }
    }

    /// The others are not to be: they are given back, and those that they were to replace stand as before.
    func takeBack(_ replaced: [Claim], giving made: [Claim], by actor: AuditEntry.Actor) async {
        do {
            for claim in made { _ = try await release(claim.id, by: actor) }
            try await ledger.reinstate(claims: replaced.map(\.id))
        } catch {
            logger.error(
                "not taken back",
                metadata: ["claims": "\(replaced.map(\.id).joined(separator: ", "))", "error": "\(error)"])
        }
    }

    /// Ends a claim, unless a guest has it: then it ends when that has stopped.
    ///
    /// - Returns: whether it ended.
    func releaseUnused(_ claim: Claim, by actor: AuditEntry.Actor) async throws -> Bool {
        guard try !isInUse(claim) else { return false }
        do {
            _ = try await release(claim.id, generation: claim.generation, by: actor)
            return true
        } catch let refusal as Refusal {
            // A start has come first.
            switch refusal {
            case .staleGeneration, .guestStarting, .inUseByOwner: return false
            default: throw refusal
            }
        }
    }

    /// The domain is gone: what was claimed for its request is given back. What somebody claimed for it by hand is theirs.
    ///
    /// - Returns: what was done, a line each.
    func releaseRequested(of owner: Owner, by actor: AuditEntry.Actor) async throws -> [String] {
        var done: [String] = []
        for claim in try await claims(heldBy: owner) where claim.uid == nil {
            if try await releaseUnused(claim, by: actor) { done.append("released \(claim.id)") }
        }
        return done
    }

    /// What a device of a claim would be like if it were claimed anew with this request; nil where it is like that.
    func settings(of device: String, in claim: Claim, for request: ClaimRequest) throws -> VFSettings? {
        guard let assignment = claim.assignments.first(where: { $0.name == device }),
            var function = try host.function(at: assignment.address)
        else { return nil }
        // As it was found: what its owner had set is no part of it.
        function.vfSettings = assignment.original.settings
        var wanted = request.settings(for: function, on: identity)
        if let found = assignment.original.settings {
            // What was asked for and is not any more goes back to what was found.
            wanted = wanted.filled(from: found.restoring(assignment.settings))
        }
        return wanted == assignment.settings ? nil : wanted
    }

    /// Gives a device of a claim that no guest has other settings.
    ///
    /// - Returns: the claim as it is then.
    func change(_ settings: VFSettings, of device: String, in claim: Claim) async throws -> Claim {
        guard
            try await ledger.changeSettings(
                settings, ofDevice: device, inClaim: claim.id, generation: claim.generation),
            let now = try await ledger.claim(claim.id)
        else { throw Refusal.claimChanging(claim.id) }
        try await ready(now, purpose: .prepare)
        return now
    }
}

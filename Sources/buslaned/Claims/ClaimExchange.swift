// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Changes a claim to fit a new request of its owner: replaces it, or changes its pool or settings.
struct ClaimExchange: Sendable {
    let ledger: Ledger
    let allocator: ClaimAllocator
    let candidates: CandidateSelection
    let readiness: ClaimReadiness
    let release: ClaimRelease
    let audit: AuditRecorder
    let logger: Logger

    /// Makes claims that replace others of the same owner.
    ///
    /// The replaced claims keep their functions until ``finish(_:by:)``. Only when the new claims need exactly these
    /// functions, as when two pools of one function each are exchanged, the replaced claims are released first.
    ///
    /// - Returns: the new claims, and the replaced ones that the caller has to finish or undo.
    func exchange(
        _ replaced: [Claim], for requests: [ClaimRequest], by actor: AuditEntry.Actor
    ) async throws -> (made: [Claim], replaced: [Claim]) {
        if requests.isEmpty { return ([], replaced) }
        if !replaced.isEmpty, (try? await candidates.foresee(requests)) == nil,
            (try? await candidates.foresee(requests, leaving: replaced)) != nil
        {
            for claim in replaced { _ = try await release.release(claim.id, generation: claim.generation, by: actor) }
            return (try await allocator.allocate(all: requests, by: actor), [])
        }
        return (try await allocator.allocate(all: requests, replacing: replaced, by: actor), replaced)
    }

    /// Ends the replaced claims, after the owner has the new ones.
    func finish(_ replaced: [Claim], by actor: AuditEntry.Actor) async throws {
        for claim in replaced {
            try await release.finish(claim, audit: AuditEntry.Draft(releasing: claim, by: actor))
            logger.notice("replaced", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        }
    }

    /// Releases the new claims and reinstates the replaced ones.
    func undo(_ replaced: [Claim], releasing made: [Claim], by actor: AuditEntry.Actor) async {
        do {
            for claim in made { _ = try await release.release(claim.id, by: actor) }
            try await ledger.transitions.reinstate(claims: replaced.map(\.id))
        } catch {
            logger.error(
                "could not reinstate claims",
                metadata: ["claims": "\(replaced.map(\.id).joined(separator: ", "))", "error": "\(error)"])
        }
    }

    /// Makes a claim one of the requested pool. Its functions have to suit the request already.
    ///
    /// - Returns: the claim as it is then.
    func repool(_ claim: Claim, as request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        let entry = AuditEntry.Draft(
            "repool", subject: claim.id, detail: "\(request.pool.name), NUMA \(request.numa)", actor: actor)
        return try await audit.recorded(entry) {
            try await ledger.transitions.repool(claim, as: request, audit: entry)
            guard let now = try await ledger.claim(claim.id) else { throw Refusal.claim(claim.id, .unknown) }
            return now
        }
    }

    /// Changes the settings of a device whose claim no guest uses.
    ///
    /// - Returns: the claim as it is then.
    func change(_ settings: VFSettings, of device: String, in claim: Claim) async throws -> Claim {
        guard
            try await ledger.changeSettings(
                settings, ofDevice: device, inClaim: claim.id, generation: claim.generation),
            let now = try await ledger.claim(claim.id)
        else { throw Refusal.claim(claim.id, .changing) }
        try await readiness.ready(now, purpose: .prepare)
        return now
    }
}

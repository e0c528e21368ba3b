// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Makes claims: chooses functions, records the claims, and makes the functions ready.
struct ClaimAllocator: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let holdings: HoldingsReader
    let candidates: CandidateSelection
    let release: ClaimRelease
    let queue: AllocationQueue
    let audit: AuditRecorder
    let threads: WorkThreads
    let logger: Logger

    /// The start of a guest that claims are made for. They are in use as soon as they are ready.
    struct Start: Sendable {
        /// The audit entry of the start.
        let entry: AuditEntry.Draft
        /// Functions that the guest's XML names beside its request.
        let named: Set<PCIAddress>
        /// Refuses functions that the guest cannot use, before any change.
        let accept: @Sendable ([CandidateSelection.Candidate]) throws -> Void
    }

    /// Makes one claim.
    func allocate(_ request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        let made = try await allocate(all: [request], by: actor)
        guard let claim = made.first else { throw Inconsistency("one request made no claim") }
        return claim
    }

    /// Makes a claim for each request, all of them or none. When one of their functions cannot be made ready, all of
    /// the claims are released.
    ///
    /// - Parameters:
    ///   - requests: of one owner.
    ///   - replaced: claims of that owner that the new ones replace. They keep their functions until the caller ends
    ///     them (``ClaimExchange/finish(_:by:)``) or reinstates them (``ClaimExchange/undo(_:releasing:by:)``).
    ///   - start: the start that they are for.
    /// - Returns: the claims, in the order of the requests.
    func allocate(
        all requests: [ClaimRequest], replacing replaced: [Claim] = [], for start: Start? = nil,
        by actor: AuditEntry.Actor
    ) async throws -> [Claim] {
        let entry = AuditEntry.Draft(allocating: requests, by: actor)
        // The audit entry of the start records the failure.
        if start != nil { return try await make(requests, .starting, for: start, entry) }
        let purpose = HoldingsReader.Purpose.placing(behind: await queue.waiters)
        return try await audit.recorded(entry) { try await make(requests, purpose, replacing: replaced, entry) }
    }

    /// Makes the claims as soon as there are enough functions, first come, first served.
    ///
    /// A failed try is not recorded. The end of the waiting is: ``recordRefusal(of:_:by:)``.
    ///
    /// - Parameter renew: the requests by the configuration of now. It is asked before each try; its ``Refusal`` ends the waiting.
    /// - Throws: ``Refusal`` for a request that waiting cannot help: the pool, or the quota, can never give so much.
    func allocate(
        all requests: [ClaimRequest], waitingUpTo limit: Duration, for caller: Caller, by actor: AuditEntry.Actor,
        renewing renew: @escaping @Sendable ([ClaimRequest]) throws -> [ClaimRequest]
    ) async throws -> AsyncStream<AllocationQueue.Update> {
        let entry = AuditEntry.Draft(allocating: requests, by: actor)
        let work = AllocationQueue.Work(
            renew: renew, review: holdings.prospects,
            attempt: { requests, earlier in
                // In its own task: it continues when the client disconnects.
                try await Task(executorPreference: threads.of(actor.uid)) {
                    try await refuseBeyondQuota(requests)
                    return try await make(requests, .placing(behind: earlier), entry)
                }.value
            },
            release: { claims in try? await release.releaseUndelivered(claims, by: actor) })
        do {
            try await refuseHopeless(requests)
            return await queue.wait(for: requests, of: caller, upTo: limit, work)
        } catch {
            try await audit.failed(entry, error)
            throw error
        }
    }

    /// Refuses requests that no release would help, before they wait.
    private func refuseHopeless(_ requests: [ClaimRequest]) async throws {
        try await refuseBeyondQuota(requests)
        do {
            try await candidates.foresee(requests)
        } catch let refusal as Refusal where refusal.isTemporary {
            // This is what they wait for.
        }
    }

    /// Before functions are chosen: a pool that is empty now must not hide the quota.
    private func refuseBeyondQuota(_ requests: [ClaimRequest]) async throws {
        try await ledger.judging { try requests.refuseBeyondQuota($0) }
    }

    /// Records that the waiting ended without claims.
    func recordRefusal(of requests: [ClaimRequest], _ error: any Error, by actor: AuditEntry.Actor) async throws {
        try await audit.failed(AuditEntry.Draft(allocating: requests, by: actor), error)
    }

    private func make(
        _ requests: [ClaimRequest], _ purpose: HoldingsReader.Purpose, for start: Start? = nil,
        replacing replaced: [Claim] = [], _ entry: AuditEntry.Draft
    ) async throws -> [Claim] {
        let entries = [entry, start?.entry].compactMap(\.self)
        let (made, chosen, mark) = try await candidates.choosing { look in
            let uses = try await holdings.uses(for: purpose)
            let mark = lanes.ended
            let (made, chosen) = try await ledger.allocate(
                inBoot: boot.id, sinceBoot: boot.now, isForStart: start != nil, audit: entries, replacing: replaced
            ) { recorded in
                var held = recorded
                held.named = start?.named ?? []
                let chosen = try candidates.choose(for: requests, on: look, held: held, uses)
                try start?.accept(chosen)
                return (drafts: chosen.map(\.draft), plan: chosen)
            }
            return (made, chosen, mark)
        }
        var claims = made
        do {
            for (claim, candidate) in zip(made, chosen) { try await ready(claim, candidate, plannedSince: mark) }
            if claims.contains(where: { $0.state == .pending }) {
                let use = start.map { _ in Claim.Use(bootID: boot.id, since: boot.now) }
                claims = try await ledger.transitions.bind(claims, use: use, audit: entries)
            }
        } catch {
            for claim in claims.reversed()
            where try await ledger.transitions.setState(
                .releasing, ofClaim: claim.id, from: [.pending, .bound, .inUse])
            {
                try await release.finish(claim)
            }
            try await ledger.transitions.reinstate(claims: replaced.map(\.id))
            throw error
        }
        // A start logs its own line.
        for claim in claims where start == nil {
            logger.notice("allocated", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        }
        return claims
    }

    /// Makes a new claim's functions ready. The state `pending`, with what its assignments remember, is the intent of
    /// that work.
    ///
    /// The changes were planned before the claim's turn on the lane. After other work there they are planned again.
    private func ready(
        _ claim: Claim, _ candidate: CandidateSelection.Candidate, plannedSince mark: Int
    ) async throws {
        let context = Intent.Context(bootID: boot.id, purpose: .allocate, claim: claim.id)
        for (assignment, changes) in zip(claim.assignments, candidate.changes) {
            try await lanes.run(on: .card(assignment.physicalFunction), since: mark) { isOutdated in
                let changes = isOutdated ? try ClaimPlanner.ready(assignment, on: FreshLook(host: host)) : changes
                try await executor.run(changes, context: claim.state == .pending ? nil : context)
            }
        }
    }
}

extension AuditEntry.Draft {
    /// - Parameter requests: of one owner.
    init(allocating requests: [ClaimRequest], by actor: AuditEntry.Actor) {
        let pools = requests.map(\.pool.name)
        self.init(
            "allocate", subject: Set(pools).sorted().joined(separator: ", "),
            detail: "\(requests.map(\.count).reduce(0, +)) for \(requests.first?.ownerName ?? "nobody")", actor: actor)
    }
}

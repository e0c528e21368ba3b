// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// Makes a claim and readies its functions: recorded first, and given back whole if one of them cannot be readied.
    func allocate(_ request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        let entry = AuditEntry.Draft(allocating: request, by: actor)
        return try await recorded(entry) { try await make(request, after: await line.requests, entry) }
    }

    /// The same for who can wait until there is enough: in turn, first come, first served.
    ///
    /// Nothing is written down of a try that fails; the caller writes how the waiting ended.
    func allocate(
        _ request: ClaimRequest, waitingUpTo limit: Duration, by actor: AuditEntry.Actor
    ) async -> AsyncStream<WaitingLine.Update> {
        let entry = AuditEntry.Draft(allocating: request, by: actor)
        return await line.wait(
            for: request, upTo: limit,
            giveBack: { claim in _ = try? await release(claim.id, by: .daemon) },
            { request, earlier in
                // In a task of its own: who goes away does not leave the work half done.
                try await Task { try await make(request, after: earlier, entry) }.value
            })
    }

    /// - Parameter earlier: who came before and still waits: what they could be given is kept for them.
    private func make(
        _ request: ClaimRequest, after earlier: [ClaimRequest], _ entry: AuditEntry.Draft
    ) async throws -> Claim {
        let openGroups = try host.openGroups()
        let disks = host.disksInUse()
        var claim = try await ledger.allocate(bootID: bootID, sinceBoot: sinceBoot(), audit: entry) { held in
            var holdings = held
            holdings.openGroups = openGroups
            holdings.disks = disks
            for other in earlier {
                holdings.awaited.formUnion(Placement.wanted(by: other, on: try host.lastSeen(), holdings: holdings))
            }
            return try draft(for: request, holdings)
        }
        do {
            try await ready(claim, purpose: .allocate)
        } catch {
            if try await ledger.setState(.releasing, ofClaim: claim.id, from: [.pending, .bound]) {
                try await giveBack(claim)
            }
            throw error
        }
        if claim.state == .pending {
            try await ledger.setState(.bound, ofClaim: claim.id, from: [.pending], audit: entry)
            claim.state = .bound
        }
        logger.notice("allocated", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        return claim
    }

    /// Which functions a request gets, as they are now and nobody has them: that is what will be put back.
    ///
    /// Chosen among what the host's events told last, and looked at again, each by itself: a whole look at a large host
    /// takes longer than everything else. Where the two differ the host is read, and chosen from anew.
    private func draft(for request: ClaimRequest, _ holdings: Holdings) throws -> Ledger.Draft {
        func fresh(_ functions: [Function]) throws -> [Function] {
            try functions.compactMap { try host.function(at: $0.address) }
        }
        var functions = try? Placement.choose(for: request, on: host.lastSeen(), holdings: holdings)
        if let chosen = functions {
            let now = try fresh(chosen)
            functions = now.map(\.decisive) == chosen.map(\.decisive) ? now : nil
        }
        let found = try functions ?? fresh(Placement.choose(for: request, on: host.snapshot(), holdings: holdings))
        let slots = found.map { Ledger.Draft.Slot(function: $0, settings: request.settings(for: $0, on: identity)) }
        let live = LiveFunctions(host: host)
        return Ledger.Draft(
            request: request, slots: slots,
            isReady: try slots.allSatisfy { try Planner.ready($0.function.address, as: $0.settings, on: live).isEmpty })
    }

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
        guard let claim = try await ledger.claim(id) else { throw Refusal.unknownClaim(id) }
        switch claim.state {
        case .released, .releasing: return .alreadyReleased(claim)
        case .pending: throw Refusal.claimChanging(id)
        case .bound, .inUse: break
        }
        if let generation, generation != claim.generation {
            throw Refusal.staleGeneration(claim: id, given: generation, current: claim.generation)
        }
        let entry = AuditEntry.Draft("release", subject: id, detail: claim.ownerName, actor: actor)
        return try await recorded(entry) {
            if let (address, holder) = try use(of: claim, among: host.openGroups()) {
                throw Refusal.inUseByOwner(address, owner: claim.ownerName, holder)
            }
            if isStarting(claim) { throw Refusal.guestStarting(claim: claim.id, domain: claim.ownerName) }
            // Of two releases at once, one gives back: the other's picture of the claim is old by then, and the
            // functions may be somebody else's. So is the picture of one that the hook overtook.
            guard
                try await ledger.setState(
                    .releasing, ofClaim: claim.id, from: [.bound, .inUse], generation: claim.generation)
            else {
                if let now = try await ledger.claim(claim.id), isStarting(now) {
                    throw Refusal.guestStarting(claim: claim.id, domain: claim.ownerName)
                }
                try await ledger.audit(entry.ending("released already"))
                return .alreadyReleased(claim)
            }
            try await giveBack(claim, audit: entry)
            logger.notice("released", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
            var released = claim
            released.state = .released
            return .released(released)
        }
    }

    /// Whether a guest may be on its way to open the claim's functions.
    func isStarting(_ claim: Claim) -> Bool {
        claim.use?.isStarting(bootID: bootID, sinceBoot: sinceBoot()) == true
    }

    /// A function of the claim that a process has open, by the group it is in now; nil when none is.
    func use(of claim: Claim, among openGroups: [Int: ProcessHolder]) throws -> (PCIAddress, ProcessHolder)? {
        if openGroups.isEmpty { return nil }
        for assignment in claim.assignments {
            guard let group = try host.function(at: assignment.address, with: [])?.iommuGroup,
                let holder = openGroups[group]
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
                    now.state == claim.state, now.generation == claim.generation
                else { throw Refusal.unknownClaim(claim.id) }
                let changes = try Planner.ready(assignment, on: LiveFunctions(host: host))
                try await executor.run(changes, context: context)
            }
        }
    }

    /// Puts the functions of a claim that is in state `releasing` back, and ends it.
    ///
    /// A function that cannot be put back is set aside, never handed on.
    ///
    /// - Parameter audit: what to write down when it has ended.
    func giveBack(_ claim: Claim, audit: AuditEntry.Draft? = nil) async throws {
        let context = Intent.Context(bootID: bootID, purpose: .release, claim: claim.id)
        var open: [Int] = []
        for assignment in claim.assignments.reversed() {
            do {
                open = try await lanes.run(on: .card(card(of: assignment))) { [open] in
                    // One that cannot be read is not one that is gone: that needs nothing.
                    _ = try host.function(at: assignment.address, with: [])
                    return try await putBack(assignment, context: context, closing: open)
                }
            } catch {
                logger.error(
                    "quarantined", metadata: ["function": "\(assignment.address)", "reason": "\(error)"])
                try await ledger.quarantine(assignment.address, reason: "could not be put back: \(error)")
            }
        }
        try await ledger.end(claim: claim.id, closing: open, audit: audit)
        Task { await line.signal() }
    }

    /// Some drivers take no MAC address away again: rather than none, the VF then has the one that is its own anyway.
    ///
    /// - Returns: the intents that are left open, whose changes are verified.
    private func putBack(_ assignment: Assignment, context: Intent.Context, closing previous: [Int]) async throws
        -> [Int]
    {
        let live = LiveFunctions(host: host)
        do {
            return try await executor.runLeavingOpen(
                try Planner.restore(assignment, on: live), context: context, closing: previous)
        } catch let failure as Executor.Failure {
            guard case .setVFSettings = failure.action, let other = assignment.leavingStableMAC(on: identity) else {
                throw failure
            }
            logger.warning("a MAC address was left", metadata: ["function": "\(assignment.address)"])
            return try await executor.runLeavingOpen(try Planner.restore(other, on: live), context: context)
        }
    }
}

extension AuditEntry.Draft {
    init(allocating request: ClaimRequest, by actor: AuditEntry.Actor) {
        self.init(
            "allocate", subject: request.pool.name, detail: "\(request.count) for \(request.ownerName)", actor: actor)
    }
}

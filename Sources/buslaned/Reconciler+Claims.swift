// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// Makes a claim and readies its functions: ``allocate(all:by:)`` of one.
    func allocate(_ request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        let made = try await allocate(all: [request], by: actor)
        guard let claim = made.first else { throw Refusal.countOutOfRange(0) }
        return claim
    }

    /// Makes a claim for each request, all of them or none, and readies their functions: recorded first, and given back
    /// whole if one of them cannot be readied.
    ///
    /// - Parameters:
    ///   - requests: of one owner.
    ///   - replaced: claims of that owner that give way to these, if they are made: set aside until the caller says
    ///     ``giveBack(replaced:by:)`` or ``takeBack(_:giving:by:)``.
    func allocate(
        all requests: [ClaimRequest], replacing replaced: [Claim] = [], for start: Start? = nil,
        by actor: AuditEntry.Actor
    ) async throws -> [Claim] {
        let entry = AuditEntry.Draft(allocating: requests, by: actor)
        let earlier = await line.requests
        // That a start came to nothing its own entry says.
        if start != nil { return try await make(requests, for: start, after: earlier, entry) }
        return try await recorded(entry) { try await make(requests, after: earlier, replacing: replaced, entry) }
    }

    /// The start of a guest that claims are made for: once they are ready they are in use.
    struct Start: Sendable {
        /// What to write down when they are.
        let entry: AuditEntry.Draft
        /// Refuses what the guest could not have, before anything is written or done.
        let accept: @Sendable ([Ledger.Draft]) throws -> Void
    }

    /// The same for who can wait until there is enough: in turn, first come, first served.
    ///
    /// Nothing is written down of a try that fails; the caller writes how the waiting ended.
    func allocate(
        all requests: [ClaimRequest], waitingUpTo limit: Duration, by actor: AuditEntry.Actor
    ) async -> AsyncStream<WaitingLine.Update> {
        let entry = AuditEntry.Draft(allocating: requests, by: actor)
        return await line.wait(
            for: requests, upTo: limit,
            giveBack: { claims in try? await giveBackUntold(claims, by: actor) },
            { requests, earlier in
                // In a task of its own: who goes away does not leave the work half done.
                try await Task { try await make(requests, after: earlier, entry) }.value
            })
    }

    /// - Parameter earlier: who came before and still waits: what they could be given is kept for them.
    private func make(
        _ requests: [ClaimRequest], for start: Start? = nil, after earlier: [ClaimRequest],
        replacing replaced: [Claim] = [], _ entry: AuditEntry.Draft
    ) async throws -> [Claim] {
        let openGroups = try host.openGroups()
        let mark = lanes.ended
        let entries = [entry, start?.entry].compactMap(\.self)
        let made = try await ledger.allocate(
            inBoot: bootID, sinceBoot: sinceBoot(), isForStart: start != nil, audit: entries, replacing: replaced
        ) { held in
            var holdings = held
            holdings.openGroups = openGroups
            holdings.foreign = seenDomains.users
            for other in earlier {
                holdings.awaited.formUnion(Placement.wanted(by: other, on: try host.lastSeen(), holdings: holdings))
            }
            let drafts = try drafts(for: requests, holdings)
            try start?.accept(drafts)
            return drafts
        }
        var claims = made.map(\.claim)
        do {
            for (claim, draft) in made { try await carryOut(draft, of: claim, plannedSince: mark) }
            if claims.contains(where: { $0.state == .pending }) {
                let use = start.map { _ in Claim.Use(bootID: bootID, since: sinceBoot()) }
                claims = try await ledger.bind(claims, use: use, audit: entries)
            }
        } catch {
            for claim in claims.reversed()
            where try await ledger.setState(.releasing, ofClaim: claim.id, from: [.pending, .bound, .inUse]) {
                try await giveBack(claim)
            }
            try await ledger.takeBack(claims: replaced.map(\.id))
            throw error
        }
        // Of a start its own line tells.
        for claim in claims where start == nil {
            logger.notice("allocated", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        }
        return claims
    }

    /// Does what a new claim needs. That it is `pending`, with what its assignments remember, is the intent of that.
    ///
    /// Planned from a look before its turn on the card: after somebody else's it is planned again.
    private func carryOut(_ draft: Ledger.Draft, of claim: Claim, plannedSince mark: Int) async throws {
        let context = Intent.Context(bootID: bootID, purpose: .allocate, claim: claim.id)
        for (assignment, slot) in zip(claim.assignments, draft.slots) {
            try await lanes.run(on: .card(card(of: assignment)), since: mark) { isOutdated in
                let changes =
                    isOutdated ? try Planner.ready(assignment, on: LiveFunctions(host: host)) : slot.changes
                try await executor.run(changes, context: claim.state == .pending ? nil : context)
            }
        }
    }

    /// Which functions the requests get, as they are now and nobody has them: that is what will be put back.
    ///
    /// Chosen among what the host's events told last, and looked at again, each by itself: a whole look at a large host
    /// takes longer than everything else. Where the two differ the host is read, and chosen from anew.
    private func drafts(for requests: [ClaimRequest], _ holdings: Holdings) throws -> [Ledger.Draft] {
        /// The same choice with each function as it is now; nil where one is not there any more.
        func fresh(_ placed: [[Placement.Placed]]) throws -> [[Placement.Placed]]? {
            var now: [[Placement.Placed]] = []
            for functions in placed {
                now.append([])
                for one in functions {
                    guard let function = try host.function(at: one.function.address) else { return nil }
                    now[now.count - 1].append(.init(function: function, companionOf: one.companionOf))
                }
            }
            return now
        }
        var placed = try? place(requests, on: host.lastSeen(), holdings)
        if let chosen = placed {
            let now = try fresh(chosen)
            let isAsSeen = now?.joined().map(\.function.decisive) == chosen.joined().map(\.function.decisive)
            placed = isAsSeen ? now : nil
        }
        if placed == nil {
            let chosen = try place(requests, on: host.snapshot(), holdings)
            placed = try fresh(chosen)
            if placed == nil, let gone = chosen.joined().first { throw Refusal.unknownFunction(gone.function.address) }
        }
        // As they were read a moment ago: that moment is the one that counts.
        let live = LiveFunctions(host: host, knowing: placed?.joined().map(\.function) ?? [])
        return try zip(requests, placed ?? []).map { request, functions in
            let slots = try functions.map { one in
                let settings =
                    one.companionOf == nil ? request.settings(for: one.function, on: identity) : VFSettings()
                return Ledger.Draft.Slot(
                    function: one.function, settings: settings, companionOf: one.companionOf,
                    changes: try Planner.ready(one.function.address, as: settings, on: live))
            }
            return Ledger.Draft(request: request, slots: slots, isReady: slots.allSatisfy(\.changes.isEmpty))
        }
    }

    /// The host keeps nothing on a function that no driver of its own has: only for others are its disks looked at.
    private func place(
        _ requests: [ClaimRequest], on seen: HostSnapshot, _ holdings: Holdings
    ) throws -> [[Placement.Placed]] {
        let placed = try? Placement.place(requests, on: seen, holdings: holdings)
        if let placed, placed.joined().allSatisfy({ $0.function.driver == nil || $0.function.isOnVFIO }) {
            return placed
        }
        var holdings = holdings
        holdings.disks = host.disksInUse()
        return try Placement.place(requests, on: seen, holdings: holdings)
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
        for claim in try await ledger.claims(of: owner) {
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
        let live = LiveFunctions(host: host)
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

    /// - Parameter requests: of one owner.
    init(allocating requests: [ClaimRequest], by actor: AuditEntry.Actor) {
        let pools = requests.map(\.pool.name)
        self.init(
            "allocate", subject: Set(pools).sorted().joined(separator: ", "),
            detail: "\(requests.map(\.count).reduce(0, +)) for \(requests.first?.ownerName ?? "nobody")", actor: actor)
    }
}

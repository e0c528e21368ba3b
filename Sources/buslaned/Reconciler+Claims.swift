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
    ) async -> AsyncStream<AllocationQueue.Update> {
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
        let (made, prepared) = try await ledger.allocate(
            inBoot: bootID, sinceBoot: sinceBoot(), isForStart: start != nil, audit: entries, replacing: replaced
        ) { held in
            let prepared = try drafts(for: requests, start, after: earlier, held, openGroups)
            return (drafts: prepared.map(\.draft), plan: prepared)
        }
        var claims = made
        do {
            for (claim, draft) in zip(made, prepared) {
                try await carryOut(draft.changes, of: claim, plannedSince: mark)
            }
            if claims.contains(where: { $0.state == .pending }) {
                let use = start.map { _ in Claim.Use(bootID: bootID, since: sinceBoot()) }
                claims = try await ledger.bind(claims, use: use, audit: entries)
            }
        } catch {
            for claim in claims.reversed()
            where try await ledger.setState(.releasing, ofClaim: claim.id, from: [.pending, .bound, .inUse]) {
                try await giveBack(claim)
            }
            try await ledger.reinstate(claims: replaced.map(\.id))
            throw error
        }
        // Of a start its own line tells.
        for claim in claims where start == nil {
            logger.notice("allocated", metadata: ["claim": "\(claim.id)", "owner": "\(claim.ownerName)"])
        }
        return claims
    }

    /// A claim that is to be made, and the changes that each of its functions still needs.
    private struct PreparedDraft {
        let draft: Ledger.Draft
        let changes: [[Change]]
    }

    /// Does what a new claim needs. That it is `pending`, with what its assignments remember, is the intent of that.
    ///
    /// Planned from a look before its turn on the card: after somebody else's it is planned again.
    private func carryOut(_ planned: [[Change]], of claim: Claim, plannedSince mark: Int) async throws {
        let context = Intent.Context(bootID: bootID, purpose: .allocate, claim: claim.id)
        for (assignment, planned) in zip(claim.assignments, planned) {
            try await lanes.run(on: .card(card(of: assignment)), since: mark) { isOutdated in
                let changes =
                    isOutdated ? try Planner.ready(assignment, on: FreshLook(host: host)) : planned
                try await executor.run(changes, context: claim.state == .pending ? nil : context)
            }
        }
    }

    /// Refuses what could not be had now, before anything that its owner has already is touched. Claiming decides anew.
    ///
    /// - Parameter given: claims that go for it.
    func foresee(_ requests: [ClaimRequest], for start: Start? = nil, without given: [Claim]) async throws {
        var held = try await ledger.holdings()
        for assignment in given.flatMap(\.assignments) { held.claims[assignment.address] = nil }
        _ = try drafts(for: requests, start, after: await line.requests, held, try host.openGroups())
    }

    /// What the requests get beside what is held, and what those who came before could be given.
    private func drafts(
        for requests: [ClaimRequest], _ start: Start?, after earlier: [ClaimRequest], _ held: Holdings,
        _ openGroups: [Int: ProcessHolder]
    ) throws -> [PreparedDraft] {
        var holdings = held
        holdings.openGroups = openGroups
        holdings.foreign = seenDomains.users
        for other in earlier {
            let seen = try host.lastSeen(indexedBy: [other.pool.selector])
            holdings.awaited.formUnion(Placement.wanted(by: other, on: seen, holdings: holdings))
        }
        let drafts = try drafts(for: requests, holdings)
        try start?.accept(drafts.map(\.draft))
        return drafts
    }

    /// Which functions the requests get, as they are now and nobody has them: that is what will be put back.
    ///
    /// Chosen among what the host's events told last, and looked at again, each by itself: a whole look at a large host
    /// takes longer than everything else. Where the two differ the host is read, and chosen from anew.
    private func drafts(for requests: [ClaimRequest], _ holdings: Holdings) throws -> [PreparedDraft] {
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
        var placed = try? place(requests, on: host.lastSeen(indexedBy: requests.map(\.pool.selector)), holdings)
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
        let live = FreshLook(host: host, knowing: placed?.joined().map(\.function) ?? [])
        return try zip(requests, placed ?? []).map { request, functions in
            var (slots, changes): ([Ledger.Draft.Slot], [[Change]]) = ([], [])
            for one in functions {
                let settings =
                    one.companionOf == nil ? request.settings(for: one.function, on: identity) : VFSettings()
                slots.append(.init(function: one.function, settings: settings, companionOf: one.companionOf))
                changes.append(try Planner.ready(one.function.address, as: settings, on: live))
            }
            let draft = Ledger.Draft(request: request, slots: slots, isReady: changes.allSatisfy(\.isEmpty))
            return PreparedDraft(draft: draft, changes: changes)
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

    /// Makes a claim's functions ready, or verifies that they are.
    func ready(_ claim: Claim, purpose: Recovery.Purpose) async throws {
        let context = Intent.Context(bootID: bootID, purpose: purpose, claim: claim.id)
        for assignment in claim.assignments {
            try await lanes.run(on: .card(card(of: assignment))) {
                // Looked at again on the lane: a release may have gone first.
                guard let now = try await ledger.claim(claim.id), now.assignments.contains(assignment),
                    now.state == claim.state, now.generation == claim.generation
                else { throw Refusal.unknownClaim(claim.id) }
                let changes = try Planner.ready(assignment, on: FreshLook(host: host))
                try await executor.run(changes, context: context)
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

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Chooses functions for requests, and plans the changes that make them ready.
///
/// Chooses from the host in memory, then reads each chosen function again. Where the two differ, the whole host is read
/// and the choice made anew: reading a large host takes longer than everything else, and no transaction waits for it.
struct CandidateSelection: Sendable {
    let host: any Host
    /// At the whole host.
    let looks: SharedLook<HostSnapshot>
    let identity: HostIdentity
    let holdings: HoldingsReader

    /// A future claim, with the changes that its functions need.
    struct Candidate: Sendable {
        let draft: ClaimDraft
        /// For each slot of the draft, the changes that make its function ready.
        let changes: [[Change]]
    }

    /// The host in memory does not suffice for the choice.
    struct NeedsLook: Error {}

    /// Makes a choice with the host in memory, and once more with a look at the whole host if that does not suffice.
    ///
    /// - Parameter choice: calls ``choose(for:on:held:_:)`` with the look that it is given.
    func choosing<Value: Sendable>(
        _ choice: (HostSnapshot?) async throws -> Value
    ) async throws -> Value {
        do { return try await choice(nil) } catch is NeedsLook { return try await choice(try await looks.now()) }
    }

    /// Chooses inside the ledger's transaction.
    ///
    /// - Parameters:
    ///   - look: the whole host; nil for the host in memory.
    ///   - held: the ledger's part of the holdings, as the transaction sees it.
    ///   - uses: the other part, read before the transaction.
    /// - Throws: ``NeedsLook`` without a look; a ``Refusal`` with one.
    func choose(
        for requests: [ClaimRequest], on look: HostSnapshot?, held: Holdings, _ uses: HoldingsReader.Uses
    ) throws -> [Candidate] {
        let holdings = try uses.joined(with: held)
        let placed = try placed(requests, on: look) { seen in
            try holdings.choosing { try Placement.place(requests, on: seen, holdings: $0) }
        }
        // With the functions just read: a release restores that state.
        let chosen = FreshLook(host: host, knowing: placed.joined().map(\.function))
        return try zip(requests, placed).map { try candidate(for: $0, $1, chosen) }
    }

    /// The choice, with each function as it is now.
    private func placed(
        _ requests: [ClaimRequest], on look: HostSnapshot?, _ place: (HostSnapshot) throws -> [[Placement.Placed]]
    ) throws -> [[Placement.Placed]] {
        if let look { return try refreshed(try place(look)) }
        if let chosen = try? place(host.inMemory.lastSeen(indexedBy: requests.map(\.pool.selector))),
            let now = try? refreshed(chosen),
            now.joined().map(\.function.decisive) == chosen.joined().map(\.function.decisive)
        {
            return now
        }
        throw NeedsLook()
    }

    /// The same functions, read again.
    ///
    /// - Throws: ``Refusal/unknownFunction(_:)`` for one that is gone.
    private func refreshed(_ placed: [[Placement.Placed]]) throws -> [[Placement.Placed]] {
        try placed.map { functions in
            try functions.map { one in
                guard let function = try host.function(at: one.function.address) else {
                    throw Refusal.function(one.function.address, .unknown)
                }
                return Placement.Placed(function: function, companionOf: one.companionOf)
            }
        }
    }

    private func candidate(
        for request: ClaimRequest, _ placed: [Placement.Placed], _ look: FreshLook
    ) throws -> Candidate {
        let seen = try host.inMemory.lastSeen()
        var (slots, changes): ([ClaimDraft.Slot], [[Change]]) = ([], [])
        for one in placed {
            let settings =
                one.companionOf == nil ? request.settings(for: one.function, on: identity) : VFSettings()
            slots.append(
                .init(
                    function: one.function, settings: settings, numaNode: seen.node(of: one.function),
                    companionOf: one.companionOf,
                    card: try host.cardIdentity(at: one.function.address)))
            changes.append(try ClaimPlanner.ready(one.function.address, as: settings, on: look))
        }
        return Candidate(
            draft: ClaimDraft(request: request, slots: slots, isReady: changes.allSatisfy(\.isEmpty)),
            changes: changes)
    }

    // MARK: - Questions

    /// Refuses requests that cannot be met now, before any change of the owner's other claims. Allocating decides
    /// again.
    ///
    /// - Parameters:
    ///   - purpose: of the allocation.
    ///   - leaving: claims that end before the requests are met.
    ///   - named: functions that the owner's domain has from elsewhere.
    ///   - accept: refuses functions that the owner could not use.
    func foresee(
        _ requests: [ClaimRequest], for purpose: HoldingsReader.Purpose = .placingNow, leaving: [Claim] = [],
        besides named: Set<PCIAddress> = [], accept: ([Candidate]) throws -> Void = { _ in }
    ) async throws {
        let chosen = try await choosing { look in
            let (recorded, uses) = try await holdings.parts(for: purpose, leaving: leaving)
            var held = recorded
            held.named = named
            return try choose(for: requests, on: look, held: held, uses)
        }
        try accept(chosen)
    }

    /// The functions that the requests would get now, from the host in memory; nil when they would be refused.
    func foreseen(_ requests: [ClaimRequest]) async throws -> [[Function]]? {
        let held = try await holdings.holdings(for: .placingNow)
        return try? Placement.choose(together: requests, on: host.lastSeen(), holdings: held)
    }

    /// Why each function of the pool would or would not be chosen now.
    func explain(_ request: ClaimRequest) async throws -> Placement.Explanation {
        let now = try await looks.now()
        let members = request.pool.selector.matches(in: now).filter(\.isOnHostDriver)
        let held = try await holdings.holdings(for: .placingNow, opening: Set(members.map(\.address)))
        return try Placement.explain(request, on: now, holdings: held)
    }

    /// Whether a claim would do for another request with the functions that it has.
    func suits(_ claim: Claim, _ request: ClaimRequest) async throws -> Bool {
        Placement.suits(claim, request, on: try host.lastSeen(), holdings: try await holdings.holdings(for: .planning))
    }

    /// The settings that a device of a claim would get if it were claimed anew with this request; nil when it has them.
    func settings(of device: String, in claim: Claim, for request: ClaimRequest) throws -> VFSettings? {
        guard let assignment = claim.assignments.first(where: { $0.name == device }),
            var function = try host.function(at: assignment.address)
        else { return nil }
        // The original state, without the settings of the owner.
        function.vfSettings = assignment.original.settings
        var wanted = request.settings(for: function, on: identity)
        if let found = assignment.original.settings {
            // A setting that is no longer requested returns to its original value.
            wanted = wanted.filled(from: found.restoring(assignment.settings))
        }
        return wanted == assignment.settings ? nil : wanted
    }
}

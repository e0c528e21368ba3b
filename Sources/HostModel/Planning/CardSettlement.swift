// SPDX-License-Identifier: GPL-3.0-or-later

/// Where the recorded cards are now: what the ledger has to change so that each row is about the card that it means.
public struct CardSettlement: Sendable {
    /// Rows of a card that need another address or another identity.
    public struct Correction: Hashable, Sendable {
        public let card: RecordedCard
        public let address: PCIAddress
        public let identity: CardIdentity?
        /// By claimed function: its address now.
        public let functions: [PCIAddress: PCIAddress]

        /// Whether the card, or a VF of it, has another address.
        public var isMove: Bool { address != card.address || functions.contains { $0.key != $0.value } }
    }

    public internal(set) var corrections: [Correction] = []
    /// By function: why nobody may have it. Compared anew at each look.
    public internal(set) var doubts: [PCIAddress: CardDoubt] = [:]
    /// Cards that nothing is recorded of, each with the new address of the one that had its address before.
    public internal(set) var strangers: [PCIAddress: PCIAddress] = [:]
    /// Where recorded cards certainly are.
    public internal(set) var places: Set<PCIAddress> = []

    /// The settlement without its moves: cards that were to move keep their addresses, and nobody gets their functions.
    public func withoutMoves(because reason: String) -> CardSettlement {
        var rest = self
        rest.corrections.removeAll(where: \.isMove)
        (rest.strangers, rest.places) = ([:], [])
        for card in corrections.filter(\.isMove).map(\.card) {
            for address in [card.address] + card.functions.map(\.address) where !address.isParked {
                rest.doubts[address] = CardDoubt(reason: reason)
            }
        }
        return rest
    }

    /// The settlement without doubts that are recorded already.
    public func withoutDoubts(about known: Set<PCIAddress>) -> CardSettlement {
        var rest = self
        rest.doubts = doubts.filter { !known.contains($0.key) }
        return rest
    }

    public var isEmpty: Bool { corrections.isEmpty && doubts.isEmpty && strangers.isEmpty }
}

/// Compares recorded cards with those that are there. Pure.
public struct CardComparison {
    private let recorded: [RecordedCard]
    /// The cards that are there, without serial numbers that several cards have.
    public let seen: [PCIAddress: CardIdentity]
    private let sharedSerials: Set<SerialNumber>
    private let host: HostSnapshot
    private let last: LastLook

    /// - Parameters:
    ///   - recorded: what the ledger has, one entry for each address and identity.
    ///   - seen: the identities of all functions that are no VFs and no bridges.
    ///   - last: which cards were where at the look before this one.
    public init(
        _ recorded: [RecordedCard], seen: [PCIAddress: CardIdentity], since last: LastLook = LastLook(),
        on host: HostSnapshot
    ) {
        self.last = last
        self.recorded = recorded.sorted {
            ($0.address, $0.identity?.slot ?? "") < ($1.address, $1.identity?.slot ?? "")
        }
        let rows = recorded.compactMap { card in card.identity.map { (card.address, $0) } }
        let shared = CardIdentity.sharedSerials(among: last.moments + [rows, seen.map { ($0.key, $0.value) }])
        (sharedSerials, self.seen) = (shared, seen.mapValues { $0.without(shared) })
        self.host = host
    }

    private func identity(of card: RecordedCard) -> CardIdentity? { card.identity?.without(sharedSerials) }

    private enum Verdict {
        case at(PCIAddress)
        /// It is nowhere.
        case away
        case doubtful(String)
    }

    /// - The card is at its address: its identity is completed.
    /// - It is certainly at another one: its rows move.
    /// - Another card is at its address, or several could be it: quarantine.
    /// - It is away: its rows stay, and give way to a card that has the address now.
    /// - Another card is at its address, and nothing of it is claimed: its rows give way.
    public var settlement: CardSettlement {
        let verdicts = withoutMeetings(withoutCollisions(recorded.map { ($0, verdict(on: $0)) }))
        var settlement = CardSettlement()
        var taken: Set<PCIAddress> = []
        for case (let card, .at(let address)) in verdicts {
            guard let function = host[address], let now = seen[address] else { continue }
            let correction = CardSettlement.Correction(
                card: card, address: address, identity: identity(of: card)?.updated(from: now) ?? now,
                functions: card.places(on: function))
            settlement.places.insert(address)
            taken.insert(address)
            taken.formUnion(correction.functions.values)
            if correction.isMove || correction.identity != card.identity { settlement.corrections.append(correction) }
        }
        for (card, verdict) in verdicts {
            switch verdict {
            case .away where isReplaced(card), .doubtful where isReplaced(card): park(card, &settlement)
            case .at(let address):
                // Configuration and people that name the old address mean the card that was there.
                guard address != card.address, seen[card.address] != nil, !taken.contains(card.address) else {
                    continue
                }
                settlement.strangers[card.address] = address
            case .away:
                giveWay(card, to: taken, &settlement)
                withhold(card, "the card that was here is away", occupiedOnly: true, taken, &settlement)
            case .doubtful(let reason):
                giveWay(card, to: taken, &settlement)
                withhold(card, reason, occupiedOnly: false, taken, &settlement)
            }
        }
        return settlement
    }

    // MARK: - One card

    private func verdict(on card: RecordedCard) -> Verdict {
        guard let identity = identity(of: card) else { return verdictWithoutIdentity(on: card) }
        let here = seen[card.address]
        let agreement = here.map(identity.agreement)
        let marked = seen.filter { identity.agreement(with: $0.value) == .marked }.keys.sorted()
        if marked.count == 1 { return .at(marked[0]) }
        if marked.count > 1 {
            // Marks that several cards have decide nothing. The place does.
            let placed = marked.filter { identity.slot != nil && seen[$0]?.slot == identity.slot }
            if placed.count == 1 { return .at(placed[0]) }
            if isUnmoved(card) { return .at(card.address) }
            return .doubtful("\(marked.count) cards have what is recorded: \(identity)")
        }
        // No card has its marks. Without marks to compare, the same model in the same slot is the same card.
        let alike = seen.filter { identity.agreement(with: $0.value) == .unmarked }
        if let slot = identity.slot, let placed = alike.first(where: { $0.value.slot == slot }) {
            return .at(placed.key)
        }
        if agreement == .unmarked, identity.slot == nil || here?.slot == nil,
            alike.count == 1 || isUnmoved(card)
        {
            return .at(card.address)
        }
        if agreement == .differs, let here { return .doubtful("recorded is \(identity); here is \(here)") }
        if agreement == .unmarked || (identity.slot == nil && !alike.isEmpty) {
            return .doubtful("recorded is \(identity); \(alike.count) of this model could be it")
        }
        return .away
    }

    /// Whether a card that another one could be taken for is where it was.
    ///
    /// Within a boot no address is given anew. In another boot none was if nothing that looks like the card has come, gone
    /// or got another address.
    private func isUnmoved(_ card: RecordedCard) -> Bool {
        guard !card.isInDoubt, let identity = identity(of: card), seen[card.address]?.isOfModel(identity) == true else {
            return false
        }
        let wasThere = last.places[card.address]?.isPresent == true
        if card.isOfThisBoot || (wasThere && last.bootID == host.host.bootID) { return true }
        guard identity.isKnownByPlaceOnly else { return false }
        let before = last.places.filter { $0.value.isPresent && $0.value.card.isOfModel(identity) }.keys
        return !before.isEmpty && Set(before) == Set(seen.filter { $0.value.isOfModel(identity) }.keys)
    }

    /// Rows of a version that recorded only the address. In the boot in which they were written the address still holds.
    /// In another one it holds if no other card could be meant; two alike may have changed their places.
    private func verdictWithoutIdentity(on card: RecordedCard) -> Verdict {
        guard let here = host[card.address], seen[card.address] != nil else { return .away }
        if card.isOfThisBoot(on: here) { return .at(card.address) }
        guard card.couldBe(here) else { return .doubtful("what is recorded does not fit the card that is here") }
        let others = seen.filter { address, other in
            address != card.address && seen[card.address]?.isOfModel(other) == true
                && host[address].map(card.couldBe) == true
        }
        return others.isEmpty
            ? .at(card.address)
            : .doubtful("only the address is recorded, and \(others.count + 1) cards of this model could be it")
    }

    // MARK: - All cards

    /// Two recorded cards cannot be one. The one that is at its address counts.
    private func withoutCollisions(_ verdicts: [(RecordedCard, Verdict)]) -> [(RecordedCard, Verdict)] {
        var comers: [PCIAddress: Set<PCIAddress>] = [:]
        for case (let card, .at(let address)) in verdicts { comers[address, default: []].insert(card.address) }
        return verdicts.map { card, verdict in
            guard case .at(let address) = verdict, address != card.address, comers[address] != [card.address]
            else { return (card, verdict) }
            return (card, .doubtful("\(address) could be several recorded cards"))
        }
    }

    /// Two claimed functions cannot have one address. That of a VF which does not exist yet is predicted, and can be wrong.
    private func withoutMeetings(_ verdicts: [(RecordedCard, Verdict)]) -> [(RecordedCard, Verdict)] {
        func places(of card: RecordedCard, _ verdict: Verdict) -> [PCIAddress: PCIAddress] {
            guard case .at(let address) = verdict, let function = host[address] else { return [:] }
            return card.places(on: function)
        }
        var comers: [PCIAddress: Int] = [:]
        for (card, verdict) in verdicts {
            for place in places(of: card, verdict).values { comers[place, default: 0] += 1 }
        }
        return verdicts.map { card, verdict in
            let moved = places(of: card, verdict).filter { $0.key != $0.value }.values.sorted()
            guard let place = moved.first(where: { comers[$0, default: 0] > 1 }) else { return (card, verdict) }
            return (card, .doubtful("several claimed functions would have the address \(place) now"))
        }
    }

    /// An address has one owner: the rows of a card that is not there make room.
    private func giveWay(_ card: RecordedCard, to taken: Set<PCIAddress>, _ settlement: inout CardSettlement) {
        guard taken.contains(card.address) || card.functions.contains(where: { taken.contains($0.address) }) else {
            return stay(card, &settlement)
        }
        park(card, &settlement)
    }

    /// A serial number that turned out to be shared is not recorded any longer.
    private func stay(_ card: RecordedCard, _ settlement: inout CardSettlement) {
        if identity(of: card) != card.identity { settlement.corrections.append(correction(of: card) { $0 }) }
    }

    /// - Parameter place: where the card, or a function of it, is recorded from now on.
    private func correction(
        of card: RecordedCard, to place: (PCIAddress) -> PCIAddress
    ) -> CardSettlement.Correction {
        CardSettlement.Correction(
            card: card, address: place(card.address), identity: identity(of: card),
            functions: Dictionary(
                card.functions.map { ($0.address, place($0.address)) }, uniquingKeysWith: { first, _ in first }))
    }

    /// Whether another card is in the place, and no claim is about the one that was there: nothing of it is in doubt.
    private func isReplaced(_ card: RecordedCard) -> Bool {
        guard card.functions.isEmpty, let here = seen[card.address] else { return false }
        return identity(of: card)?.agreement(with: here) == .differs
    }

    /// Several cards may have left one address, one after the other.
    private func park(_ card: RecordedCard, _ settlement: inout CardSettlement) {
        let own = [card.address] + card.functions.map(\.address)
        if own.allSatisfy(\.isParked) { return stay(card, &settlement) }
        var used = Set(recorded.flatMap { [$0.address] + $0.functions.map(\.address) })
        for other in settlement.corrections { used.formUnion([other.address] + other.functions.values) }
        let domain = PCIAddress.parkingDomains.first { domain in !own.contains { used.contains($0.parked(in: domain)) }
        }
        settlement.corrections.append(correction(of: card) { $0.parked(in: domain ?? .max) })
    }

    private func withhold(
        _ card: RecordedCard, _ reason: String, occupiedOnly: Bool, _ taken: Set<PCIAddress>,
        _ settlement: inout CardSettlement
    ) {
        let claims = Set(card.functions.map(\.claim)).sorted().joined(separator: ", ")
        let doubt = CardDoubt(reason: claims.isEmpty ? reason : "\(reason) (claimed: \(claims))")
        let claimed = Set(card.functions.map(\.address))
        for address in claimed.union([card.address]) where !taken.contains(address) && !address.isParked {
            // Where nothing is, nothing can be taken; only a start of the claim is refused.
            let isMissed = !occupiedOnly && claimed.contains(address)
            if isMissed || host[address] != nil { settlement.doubts[address] = doubt }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Which cards were at which addresses when the host was last compared with the ledger.
public struct LastLook: Hashable, Sendable {
    /// The boot of the look; nil before the first one.
    public var bootID: String?
    /// By address. An address keeps its last card while nothing is there.
    public var places: [PCIAddress: Place]

    /// What was seen at one address.
    public struct Place: Hashable, Sendable {
        /// The card that is there, or was there last.
        public var card: CardIdentity
        /// Whether something was there at the last look.
        public var isPresent: Bool
        /// The card that the address in configuration files still means; nil if that is the one that is there.
        public var former: CardIdentity?

        public init(card: CardIdentity, isPresent: Bool = true, former: CardIdentity? = nil) {
            self.card = card
            self.isPresent = isPresent
            self.former = former
        }
    }

    public init(bootID: String? = nil, places: [PCIAddress: Place] = [:]) {
        self.bootID = bootID
        self.places = places
    }
}

extension LastLook {
    /// What is known after another look.
    ///
    /// - Parameter seen: the identities of all functions that are no VFs and no bridges.
    public func followed(by seen: [PCIAddress: CardIdentity], bootID: String?) -> LastLook {
        let shared = CardIdentity.sharedSerials(among: moments + [seen.map { ($0.key, $0.value) }])
        var next = LastLook(
            bootID: bootID,
            places: places.mapValues {
                Place(card: $0.card.without(shared), isPresent: false, former: $0.former?.without(shared))
            })
        for (address, card) in seen {
            let now = card.without(shared)
            next.places[address] = next.places[address]?.followed(by: now) ?? Place(card: now)
        }
        return next
    }

    /// The look in which the address of a stranger means the card that was there, also if no earlier look saw that one.
    ///
    /// - Parameter strangers: by address, where the card is now that was there.
    public func keepingFormers(of strangers: [PCIAddress: PCIAddress]) -> LastLook {
        var look = self
        for (address, other) in strangers where places[address]?.former == nil {
            look.places[address]?.former = places[other]?.card
        }
        return look
    }

    /// The cards that were there at the last look, and each of those that were there before it.
    var moments: [[(PCIAddress, CardIdentity)]] {
        var moments = [places.filter(\.value.isPresent).map { ($0.key, $0.value.card) }]
        for (address, place) in places {
            for card in [place.card, place.former] { if let card { moments.append([(address, card)]) } }
        }
        return moments
    }

    /// By address: the card that it means, where another one is now, or where nothing is because that card is elsewhere.
    public var formers: [PCIAddress: CardIdentity] {
        var formers: [PCIAddress: CardIdentity] = [:]
        for (address, place) in places {
            let meant = place.former ?? place.card
            if place.isPresent ? place.former != nil : self.address(of: meant) != nil { formers[address] = meant }
        }
        return formers
    }

    /// Where a card is now, as far as its marks or its slot tell; nil if they do not.
    public func address(of card: CardIdentity) -> PCIAddress? {
        let present = places.filter(\.value.isPresent)
        let marked = present.filter { card.agreement(with: $0.value.card) == .marked }
        let found = marked.isEmpty ? present.filter { card.isInSlot(of: $0.value.card) } : marked
        return found.count == 1 ? found.first?.key : nil
    }
}

extension LastLook.Place {
    fileprivate func followed(by now: CardIdentity) -> LastLook.Place {
        if let former, former.isSame(as: now) { return LastLook.Place(card: former.updated(from: now)) }
        if card.isOther(than: now) { return LastLook.Place(card: now, former: former ?? card) }
        return LastLook.Place(card: card.updated(from: now), former: former)
    }
}

extension CardIdentity {
    /// Whether both are in one slot that is known, and nothing else contradicts.
    fileprivate func isInSlot(of other: CardIdentity) -> Bool {
        slot != nil && slot == other.slot && agreement(with: other) != .differs
    }

    fileprivate func isSame(as other: CardIdentity) -> Bool {
        agreement(with: other) == .marked || isInSlot(of: other)
    }

    /// Whether the two are certainly not one card.
    fileprivate func isOther(than other: CardIdentity) -> Bool {
        switch agreement(with: other) {
        case .differs: true
        case .marked: false
        case .unmarked: slot != nil && other.slot != nil && slot != other.slot
        }
    }
}

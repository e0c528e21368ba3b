// SPDX-License-Identifier: GPL-3.0-or-later

/// Cards with claims, pools or declarations that nothing but their place identifies.
public struct CardCheck: Sendable {
    /// PFs, and functions without SR-IOV, that a claim, a pool or a declaration is about.
    public let needed: Set<PCIAddress>
    /// The identities of all functions that are no VFs and no bridges, with the marks that were recorded earlier.
    public let cards: [PCIAddress: CardIdentity]
    public let host: HostSnapshot

    public init(needed: Set<PCIAddress>, cards: [PCIAddress: CardIdentity], on host: HostSnapshot) {
        self.needed = needed
        let shared = CardIdentity.sharedSerials(among: [cards.map { ($0.key, $0.value) }])
        self.cards = cards.mapValues { $0.without(shared) }
        self.host = host
    }

    public var findings: [Finding] {
        let unmarked = needed.filter { cards[$0]?.isKnownByPlaceOnly == true }.sorted()
        let byAddress = unmarked.filter { cards[$0]?.slot == nil }
        // In another slot, the only card of its model is missed and not mistaken.
        let bySlot = unmarked.filter { cards[$0]?.slot != nil && hasLike($0) }
        return knownByAddress(byAddress) + knownBySlot(bySlot)
    }

    private func hasLike(_ address: PCIAddress) -> Bool {
        guard let card = cards[address] else { return false }
        return cards.contains { $0.key != address && $0.value.isOfModel(card) }
    }

    private func knownByAddress(_ cards: [PCIAddress]) -> [Finding] {
        guard let first = cards.first else { return [] }
        let lacksDriver = cards.contains { address in
            host[address].map { $0.isEthernet && $0.interfaces.isEmpty } ?? false
        }
        return [
            Finding(
                .warning, "card-known-by-address", subject: cards.count == 1 ? "\(first)" : "host",
                "only the address identifies \(cards.listed): no serial number, no permanent MAC address, and no name for "
                    + "the slot",
                why:
                    "if bus numbers change, the claims of such a card are in quarantine, and their guests do not start",
                remedy: (lacksDriver
                    ? "bind the card to its host driver once and restart buslaned, which then records its MAC address; else "
                    : "")
                    + "release the card's claims before you add, remove or move a card; afterwards, buslane claims rebind "
                    + "CLAIM FUNCTION gives a claim its function again")
        ]
    }

    private func knownBySlot(_ cards: [PCIAddress]) -> [Finding] {
        guard let first = cards.first else { return [] }
        return [
            Finding(
                .advice, "card-known-by-slot", subject: cards.count == 1 ? "\(first)" : "host",
                "only the slot tells \(cards.listed) from other cards of the same model: no serial number and no "
                    + "permanent MAC address",
                why: "if two such cards change places, each claim stays with the slot, and gets the other card",
                remedy: "release the claims of such a card before you move it to another slot")
        ]
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// A safe "no": nothing was changed.
///
/// The cases carry values; the words are made in `Refusal+Text.swift` alone.
public enum Refusal: Error, Hashable, Sendable {
    // What was asked for does not exist or makes no sense.
    case unknownFunction(PCIAddress)
    case unknownPool(String, known: [String])
    case unknownClaim(String)
    case unknownProcess(Int)
    case countOutOfRange(Int)
    case settingsNeedVirtualFunction(PCIAddress)
    case macNeedsOneFunction(count: Int)
    case badMAC(MACAddress)
    case deviceNameTaken(String, owner: String, claim: String)

    // The host cannot do it.
    case noIOMMU
    case noSRIOV(PCIAddress)
    case noDriver(PCIAddress)
    case tooManyVFs(PCIAddress, wanted: Int, total: Int)
    /// The PF's driver does not let one share out its VFs' interrupt vectors.
    case msixNotShared(PCIAddress, driver: String)
    case tooManyVectors(PCIAddress, wanted: Int, total: Int)
    /// `function`: one that both have, or will have.
    case poolsOverlap(exclusive: String, other: String, function: PCIAddress)
    /// `met`: what each key of the selector met by itself.
    case selectorMatchesNothing(declaration: String, met: [Selector.Meeting])
    /// A value that names one card met several.
    case selectorAmbiguous(declaration: String, met: Selector.Meeting)
    case declaredTwice(PCIAddress, places: [String])
    /// One VF of each would have it.
    case macOfSeveralCards(MACAddress, declaration: String, physicalFunctions: [PCIAddress])
    case noInterfaceToSetThrough(PCIAddress)
    case groupNotViable(PCIAddress, group: Int, blockers: [IOMMUGroup.Blocker])
    case physicalFunctionDown(PCIAddress, interface: String)
    case vfsNeedLink(PCIAddress, driver: String)

    // Someone else has it.
    case heldByClaim(PCIAddress, claim: String, owner: String)
    case heldByProcess(PCIAddress, ProcessHolder)
    /// A domain's XML names it, and Buslane did not put it there.
    case heldByDomain(PCIAddress, domain: String)
    case domainRunning(String)
    case inUseByOwner(PCIAddress, owner: String, ProcessHolder)
    case usedByHost(PCIAddress, interface: String)
    /// The host keeps a file system or swap space on it.
    case diskInUse(PCIAddress, DiskUse)
    case cutIntoVFs(PCIAddress, count: Int)
    case quarantined(PCIAddress, reason: String)
    case notQuarantined(PCIAddress)
    case notClaimedForDomain(PCIAddress, device: String, domain: String)
    case claimChanging(String)
    case notRenewable(String, hasEnded: Bool)
    case guestStarting(claim: String, domain: String)
    case nothingToAttach(domain: String)
    case domainWithoutUUID(String)
    /// A domain is to start without devices that it asks for.
    case requestWithoutDevices(domain: String, devices: [String])
    case staleGeneration(claim: String, given: Int, current: Int)
    case domain(String, DomainObstacle)

    /// Somebody who came earlier waits for it.
    case awaited(PCIAddress)

    /// Another owner's VF of the same card has the address.
    case macInUse(MACAddress, physicalFunction: PCIAddress, claim: String, owner: String)

    // Not for this caller.
    case notPermitted(what: String, subject: String, user: String, remedy: String)
    case quotaReached(pool: String, holder: String, limit: Int)

    // Not now.
    case poolExhausted(pool: String, wanted: Int, free: Int, total: Int, reasons: [String])
    case nodeExhausted(pool: String, policy: NUMAPolicy, wanted: Int, freeByNode: [NodeSupply])

    /// Enough are free, and not on as many cards, or as few, as was asked.
    case cardsExhausted(pool: String, spread: Spread, policy: NUMAPolicy, wanted: Int, freeByCard: [CardSupply])

    /// Each device could be had by itself.
    case notTogether(pools: [String], devices: [String], policy: NUMAPolicy, spread: Spread)

    /// How many functions of a pool are free on a card.
    public struct CardSupply: Hashable, Sendable {
        public let card: PCIAddress
        public let node: Int?
        public let free: Int

        public init(card: PCIAddress, node: Int?, free: Int) {
            self.card = card
            self.node = node
            self.free = free
        }
    }

    /// How many functions of a pool are free on a node; nil is "node unknown".
    public struct NodeSupply: Hashable, Sendable {
        public let node: Int?
        public let free: Int

        public init(node: Int?, free: Int) {
            self.node = node
            self.free = free
        }
    }
}

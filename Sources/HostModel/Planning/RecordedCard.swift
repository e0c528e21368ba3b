// SPDX-License-Identifier: GPL-3.0-or-later

/// What the ledger knows of one card: where it was, what it is, and what is recorded for it.
public struct RecordedCard: Hashable, Sendable {
    /// The address of the PF, or of the function without SR-IOV.
    public let address: PCIAddress
    /// nil in rows that a version without identities wrote.
    public let identity: CardIdentity?
    /// The claimed functions on it.
    public var functions: [ClaimedFunction] = []
    /// Whether a claim's row was written, or confirmed, in this boot.
    public var isOfThisBoot = false
    /// The declared number of VFs; nil without a declaration.
    public var declaredVFs: Int?
    /// Whether the PF's declaration or its original state is recorded. Claims do not count.
    public var hasState = false
    /// Whether the last look left it in doubt.
    public var isInDoubt = false

    /// A function of a live claim.
    public struct ClaimedFunction: Hashable, Sendable {
        public let address: PCIAddress
        /// nil for the card's own function.
        public let vf: Int?
        public let numaNode: Int?
        public let claim: String

        public init(address: PCIAddress, vf: Int?, numaNode: Int?, claim: String) {
            self.address = address
            self.vf = vf
            self.numaNode = numaNode
            self.claim = claim
        }
    }

    public init(address: PCIAddress, identity: CardIdentity?) {
        self.address = address
        self.identity = identity
    }
}

extension RecordedCard {
    /// Whether the address is one of this boot. VFs end with the boot, so a PF that has the declared ones got them in it.
    func isOfThisBoot(on function: Function) -> Bool {
        isOfThisBoot || (declaredVFs ?? 0 > 0 && function.sriov?.vfCount == declaredVFs)
    }

    /// Whether a function can be what rows without an identity mean: it has those VFs, and is on that node.
    func couldBe(_ function: Function) -> Bool {
        functions.allSatisfy { claimed in
            let hasIt = claimed.vf.map { $0 < function.sriov?.totalVFs ?? 0 } ?? true
            return hasIt
                && (claimed.numaNode == nil || function.numaNode == nil || claimed.numaNode == function.numaNode)
        } && (functions.contains { $0.vf == nil } || function.sriov != nil)
    }

    /// By claimed function: its address when the card is at another place. The kernel says it where the VF exists; until
    /// then it is predicted from the distance to the PF.
    func places(on card: Function) -> [PCIAddress: PCIAddress] {
        var places: [PCIAddress: PCIAddress] = [:]
        for claimed in functions {
            guard let index = claimed.vf else {
                places[claimed.address] = card.address
                continue
            }
            let vfs = card.sriov?.virtualFunctions ?? []
            places[claimed.address] =
                vfs.indices.contains(index)
                ? vfs[index]
                : claimed.address.following(address, to: card.address)
                    ?? card.sriov?.address(ofVF: index, physicalFunction: card.address)
        }
        return places
    }
}

extension PCIAddress {
    /// Source: PCI Express Base Specification, 2.2.4.2 (routing ids).
    private var routingID: Int { Int(bus) << 8 | Int(device) << 3 | Int(function) }

    /// The address at the same distance from another PF; nil outside of a domain.
    func following(_ physical: PCIAddress, to other: PCIAddress) -> PCIAddress? {
        let id = other.routingID + routingID - physical.routingID
        guard (0...0xffff).contains(id) else { return nil }
        return PCIAddress(
            domain: other.domain, bus: UInt8(id >> 8), device: UInt8(id >> 3 & 31), function: UInt8(id & 7))
    }

    /// The domains in which cards are recorded that are away while others have their addresses, in the order of their use. No
    /// kernel uses them.
    static let parkingDomains = (UInt32.max - 255...UInt32.max).reversed()

    func parked(in domain: UInt32) -> PCIAddress {
        PCIAddress(domain: domain, bus: bus, device: device, function: function) ?? self
    }

    /// Whether it stands for a card that is away while another one has its address.
    public var isParked: Bool { domain >= UInt32.max - 255 }

    /// For people: the address, or `away` for a card that has none.
    public var shown: String { isParked ? "away" : description }
}

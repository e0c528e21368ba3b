// SPDX-License-Identifier: GPL-3.0-or-later

/// The functions that a claim is to have whose card is in doubt or away. An operator says which. Pure.
public struct Rebinding: Sendable {
    /// What the operator says.
    public enum Target: Hashable, Sendable {
        /// Each function is at its recorded address.
        case here
        /// The function at this address, or of a VF the one with its index on the PF at this address.
        ///
        /// - `device`: the claim's device; nil for the only one in doubt.
        case function(PCIAddress, device: String?)
    }

    /// A function of the claim, and which one it is from now on.
    public struct Move: Sendable {
        public let assignment: Assignment
        public let address: PCIAddress
        public let virtualFunction: VirtualFunction?
        /// nil for a VF that does not exist yet.
        public let function: Function?

        /// The PF, or the function itself if it is no VF.
        public var card: PCIAddress { virtualFunction?.physicalFunction ?? address }
    }

    public let moves: [Move]

    /// - Throws: a ``Refusal`` if nothing of the claim is in doubt, or it cannot have the function.
    public init(
        of claim: Claim, to target: Target, pool: Pool, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) {
        let request = Request(claim: claim, pool: pool, host: host, holdings: holdings)
        let astray = claim.assignments.filter(request.isAstray)
        guard !astray.isEmpty else { throw .claim(claim.id, .notInDoubt) }
        switch target {
        case .here:
            var moves: [Move] = []
            for device in astray { moves.append(try request.staying(device)) }
            self.moves = moves
        case .function(let address, let name):
            // A companion follows the device that it accompanies.
            let devices = claim.assignments.filter { device in
                device.companionOf == nil
                    && astray.contains { $0.name == device.name || $0.companionOf == device.name }
            }
            let named = devices.filter { name == nil || $0.name == name }
            guard let device = named.first, named.count == 1 else {
                throw .claim(claim.id, .whichDevice(devices.map(\.name)))
            }
            moves = try request.moving(device, to: address)
        }
    }
}

extension Rebinding.Target: CustomStringConvertible {
    public var description: String {
        switch self {
        case .here: "the card that is there is the one that is meant"
        case .function(let address, let device): (device.map { "\($0) " } ?? "") + "to \(address)"
        }
    }
}

extension Rebinding.Move {
    /// The function as the claim has it from now on.
    ///
    /// - Parameter card: what is at ``card``.
    public func assigned(on card: CardIdentity?) -> Assignment {
        // A function that another one takes the place of keeps its state, and a release restores what this one has now.
        let found = address == assignment.address ? nil : function
        return Assignment(
            name: assignment.name, address: address, virtualFunction: virtualFunction,
            iommuGroup: function?.iommuGroup ?? assignment.iommuGroup,
            numaNode: function == nil ? assignment.numaNode : function?.numaNode,
            isNetwork: assignment.isNetwork, settings: assignment.settings,
            original: found.map {
                OriginalState(driver: $0.driver, driverOverride: $0.driverOverride, settings: $0.vfSettings)
            } ?? assignment.original,
            companionOf: assignment.companionOf, card: card,
            formers: address == assignment.address ? assignment.formers : assignment.formers + [assignment.address])
    }
}

/// A claim and the host that its functions are looked for on.
private struct Request {
    let claim: Claim
    let pool: Pool
    let host: HostSnapshot
    /// Without the claim's own functions, and without doubts: the operator decides them.
    let holdings: Holdings
    let quarantine: [PCIAddress: String]

    init(claim: Claim, pool: Pool, host: HostSnapshot, holdings: Holdings) {
        (self.claim, self.pool, self.host, quarantine) = (claim, pool, host, holdings.quarantine)
        var others = holdings
        others.quarantine = holdings.quarantine.filter { !CardDoubt.isReason($0.value) }
        for assignment in claim.assignments { others.claims[assignment.address] = nil }
        self.holdings = others
    }

    /// Whether the function is in doubt, or its card is away.
    func isAstray(_ assignment: Assignment) -> Bool {
        let card = assignment.virtualFunction?.physicalFunction ?? assignment.address
        return assignment.isParked || CardDoubt.isReason(quarantine[assignment.address]) || host[card] == nil
    }

    func staying(_ device: Assignment) throws(Refusal) -> Rebinding.Move {
        guard !device.isParked else { throw .claim(claim.id, .cardAway) }
        let card = device.virtualFunction?.physicalFunction ?? device.address
        let move = try self.move(device, to: device.virtualFunction == nil ? device.address : card)
        guard move.address == device.address else { throw .function(device.address, .unknown) }
        try refuseUnfit(move)
        return move
    }

    /// The device's move, and those of its companions.
    func moving(_ device: Assignment, to address: PCIAddress) throws(Refusal) -> [Rebinding.Move] {
        var moves = [try move(device, to: address)]
        let companions = claim.assignments.filter { $0.companionOf == device.name }.sorted { $0.address < $1.address }
        let others = moves[0].function.map(host.companions) ?? []
        guard companions.count == others.count else { throw .function(address, .notLike(claim: claim.id)) }
        for (companion, other) in zip(companions, others) { moves.append(try move(companion, to: other.address)) }
        for move in moves { try refuseUnfit(move) }
        return moves
    }

    private func move(_ device: Assignment, to address: PCIAddress) throws(Refusal) -> Rebinding.Move {
        guard let function = host[address] else { throw .function(address, .unknown) }
        guard let index = device.virtualFunction?.index, function.virtualFunction == nil else {
            guard (function.virtualFunction == nil) == (device.virtualFunction == nil),
                function.isEthernet == device.isNetwork
            else { throw .function(address, .notLike(claim: claim.id)) }
            return Rebinding.Move(
                assignment: device, address: address, virtualFunction: function.virtualFunction, function: function)
        }
        guard let sriov = function.sriov, index < sriov.totalVFs else {
            throw .function(address, .notLike(claim: claim.id))
        }
        let known = sriov.virtualFunctions
        guard
            let vf = known.indices.contains(index)
                ? known[index] : sriov.address(ofVF: index, physicalFunction: address)
        else { throw .function(address, .notLike(claim: claim.id)) }
        return Rebinding.Move(
            assignment: device, address: vf,
            virtualFunction: VirtualFunction(physicalFunction: address, index: index), function: host[vf])
    }

    // MARK: - Refusals

    private func refuseUnfit(_ move: Rebinding.Move) throws(Refusal) {
        if let other = holdings.claims[move.address] {
            throw .function(move.address, .heldByClaim(claim: other.id, owner: other.ownerName))
        }
        // A companion need not be of the pool.
        if move.assignment.companionOf == nil, !isMember(move) {
            throw .function(move.address, .notInPool(pool.name))
        }
        let request = ClaimRequest(
            pool: pool, owner: claim.owner, ownerName: claim.ownerName, settings: move.assignment.settings)
        guard let function = move.function else {
            if let holder = holdings.claims[move.card] {
                throw .function(move.card, .heldByClaim(claim: holder.id, owner: holder.ownerName))
            }
            return
        }
        if let obstacle = PlacementSearch(for: request, on: host, holdings).obstacle(to: function) { throw obstacle }
    }

    /// Whether the pool has the function; of a VF that does not exist yet, whether it will.
    private func isMember(_ move: Rebinding.Move) -> Bool {
        var seen = host
        if move.function == nil, let virtual = move.virtualFunction, let pf = host[move.card] {
            var identity = pf.identity
            identity.device = pf.sriov?.vfDevice ?? identity.device
            let foretold = Function(
                address: move.address, identity: identity, numaNode: pf.numaNode, role: .virtualFunction(virtual))
            seen = HostSnapshot(
                host: host.host, iommu: host.iommu, numaNodes: host.numaNodes, functions: host.functions + [foretold])
        }
        return pool.selector.matches(in: seen).contains { $0.address == move.address }
    }
}

extension Assignment {
    /// Whether its card is away while another one has its address.
    public var isParked: Bool { address.isParked }
}

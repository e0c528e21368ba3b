// SPDX-License-Identifier: GPL-3.0-or-later

/// What a caller asks a pool for.
public struct ClaimRequest: Hashable, Sendable {
    public let pool: Pool
    public let count: Int
    public let owner: Owner
    public let ownerName: String
    public let numa: NUMAPolicy
    public let settings: VFSettings
    /// The device's name in the owner's domain, when the caller chose one and `count` is 1.
    public let deviceName: String?

    /// - Parameter numa: nil takes the pool's policy.
    public init(
        pool: Pool, count: Int = 1, owner: Owner, ownerName: String? = nil, numa: NUMAPolicy? = nil,
        settings: VFSettings = VFSettings(), deviceName: String? = nil
    ) {
        self.pool = pool
        self.count = count
        self.owner = owner
        self.ownerName = ownerName ?? owner.description
        self.numa = numa ?? pool.numa
        self.settings = settings
        self.deviceName = deviceName
    }
}

/// Which functions a request gets. Pure: equal inputs give equal answers.
public enum Placement {
    /// - Returns: `count` free functions, the best first.
    /// - Throws: a ``Refusal`` that says what stands in the way.
    public static func choose(
        for request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [Function] {
        try refuseMalformed(request)
        guard host.iommu.enabled else { throw .noIOMMU }
        let members = request.pool.selector.matches(in: host)
        var free: [Function] = []
        var obstacles: [Refusal] = []
        let groupOwners = owners(ofGroupsOn: host, holdings)
        for function in members {
            if let obstacle = obstacle(to: function, for: request, on: host, holdings, groupOwners) {
                obstacles.append(obstacle)
            } else {
                free.append(function)
            }
        }
        if !request.settings.isEmpty, let unfit = free.first(where: { !$0.takesVFSettings }) {
            throw .settingsNeedVirtualFunction(unfit.address)
        }
        guard free.count >= request.count else {
            throw explain(obstacles, request: request, free: free.count, total: members.count)
        }
        let ordered = rank(free, for: request, nodes: host.numaNodes)
        guard ordered.count >= request.count else {
            throw .nodeExhausted(
                pool: request.pool.name, policy: request.numa, wanted: request.count, freeByNode: supply(of: free))
        }
        return Array(ordered.prefix(request.count))
    }

    /// The members of a pool that anybody could have now.
    public static func free(of pool: Pool, on host: HostSnapshot, holdings: Holdings) -> [Function] {
        let request = ClaimRequest(pool: pool, owner: .name("nobody"))
        let groupOwners = owners(ofGroupsOn: host, holdings)
        return pool.selector.matches(in: host).filter {
            obstacle(to: $0, for: request, on: host, holdings, groupOwners) == nil
        }
    }

    private static func refuseMalformed(_ request: ClaimRequest) throws(Refusal) {
        guard request.count >= 1 else { throw .countOutOfRange(request.count) }
        if let mac = request.settings.mac {
            if mac.isZero || mac.isMulticast { throw .badMAC(mac) }
            if request.count > 1 { throw .macNeedsOneFunction(count: request.count) }
        }
    }

    /// Whoever holds one function of a group holds the group.
    private static func owners(ofGroupsOn host: HostSnapshot, _ holdings: Holdings) -> [Int: Holdings.ClaimReference] {
        var owners: [Int: Holdings.ClaimReference] = [:]
        for (address, claim) in holdings.claims {
            if let group = host[address]?.iommuGroup { owners[group] = claim }
        }
        return owners
    }

    /// The first reason why a function cannot be handed out; nil when it can.
    private static func obstacle(
        to function: Function, for request: ClaimRequest, on host: HostSnapshot, _ holdings: Holdings,
        _ groupOwners: [Int: Holdings.ClaimReference]
    ) -> Refusal? {
        let address = function.address
        guard let groupID = function.iommuGroup, let group = host.group(groupID) else { return .noIOMMU }
        // Of a card in doubt, every VF is.
        for suspect in [address, function.virtualFunction?.physicalFunction].compactMap(\.self) {
            if let reason = holdings.quarantine[suspect] { return .quarantined(suspect, reason: reason) }
        }
        if let claim = holdings.claims[address] {
            return .heldByClaim(address, claim: claim.id, owner: claim.ownerName)
        }
        if let claim = groupOwners[groupID], claim.owner != request.owner {
            return .heldByClaim(address, claim: claim.id, owner: claim.ownerName)
        }
        if groupOwners[groupID] == nil, let holder = holdings.openGroups[groupID] {
            return .heldByProcess(address, holder)
        }
        // A PF and its VFs exclude each other.
        if let sriov = function.sriov, sriov.vfCount > 0 {
            return .cutIntoVFs(address, count: sriov.vfCount)
        }
        if let physical = function.virtualFunction?.physicalFunction, let claim = holdings.claims[physical] {
            return .heldByClaim(physical, claim: claim.id, owner: claim.ownerName)
        }
        if let disk = holdings.disks[address]?.first { return .diskInUse(address, disk) }
        if let interface = function.interfaces.first(where: { $0.isAdministrativelyUp || $0.master != nil }) {
            return .usedByHost(address, interface: interface.name)
        }
        let others = host.blockers(of: group).filter { $0.address != address }
        guard others.isEmpty else {
            return .groupNotViable(address, group: groupID, blockers: host.blockers(of: group))
        }
        return nil
    }

    /// Why too few are free: the one reason that no waiting will mend, else the shortage with its causes counted.
    private static func explain(
        _ obstacles: [Refusal], request: ClaimRequest, free: Int, total: Int
    ) -> Refusal {
        let passing = obstacles.filter(\.endsByItself)
        if let lasting = obstacles.first(where: { !$0.endsByItself }), free + passing.count < request.count {
            return lasting
        }
        var counts: [(code: String, count: Int)] = []
        for obstacle in obstacles {
            if let position = counts.firstIndex(where: { $0.code == obstacle.briefly }) {
                counts[position].count += 1
            } else {
                counts.append((obstacle.briefly, 1))
            }
        }
        return .poolExhausted(
            pool: request.pool.name, wanted: request.count, free: free, total: total,
            reasons: counts.map { "\($0.count) \($0.code)" })
    }
}

extension Function {
    /// A VF of a network card, whose PF enforces MAC, VLAN and trust.
    var takesVFSettings: Bool { virtualFunction != nil && isNetwork }
}

extension Refusal {
    /// Someone else's use ends; a host's wiring does not.
    fileprivate var endsByItself: Bool {
        switch self {
        case .heldByClaim, .heldByProcess: true
        default: false
        }
    }

    fileprivate var briefly: String {
        switch self {
        case .heldByClaim: "claimed"
        case .heldByProcess: "open in a guest that Buslane did not start"
        default: code
        }
    }
}

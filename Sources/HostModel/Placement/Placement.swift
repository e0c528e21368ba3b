// SPDX-License-Identifier: GPL-3.0-or-later

/// A request for functions of a pool.
public struct ClaimRequest: Hashable, Sendable {
    public let pool: Pool
    public let count: Int
    public let owner: Owner
    public let ownerName: String
    public let numa: NUMAPolicy
    public let spread: Spread
    public let settings: VFSettings
    /// The user id of the caller; nil for the daemon itself.
    public let uid: Int?
    /// How long the claim lives unless it is renewed, in seconds; nil for a claim that never expires.
    public let ttl: Int?
    /// The device's name in the owner's domain, if the caller chose one; then `count` is 1.
    public let deviceName: String?

    /// - Parameters:
    ///   - numa: nil for the pool's policy.
    ///   - spread: nil for the pool's spread.
    public init(
        pool: Pool, count: Int = 1, owner: Owner, ownerName: String? = nil, numa: NUMAPolicy? = nil,
        spread: Spread? = nil, settings: VFSettings = VFSettings(), uid: Int? = nil, ttl: Int? = nil,
        deviceName: String? = nil
    ) {
        self.pool = pool
        self.count = count
        self.owner = owner
        self.ownerName = ownerName ?? owner.description
        self.numa = numa ?? pool.numa
        self.spread = spread ?? pool.spread
        self.settings = settings
        self.uid = uid
        self.ttl = ttl
        self.deviceName = deviceName
    }

    /// The same request for another number of functions, without a MAC address.
    func asking(for count: Int) -> ClaimRequest {
        var settings = settings
        settings.mac = nil
        return ClaimRequest(
            pool: pool, count: count, owner: owner, ownerName: ownerName, numa: numa, spread: spread,
            settings: settings, uid: uid, ttl: ttl)
    }

    /// The same request with another NUMA policy.
    func with(numa: NUMAPolicy) -> ClaimRequest {
        ClaimRequest(
            pool: pool, count: count, owner: owner, ownerName: ownerName, numa: numa, spread: spread,
            settings: settings, uid: uid, ttl: ttl, deviceName: deviceName)
    }
}

/// Chooses the functions of a request. Pure: equal inputs give equal answers.
public enum Placement {
    /// - Returns: `count` free functions, the best first.
    /// - Throws: a ``Refusal`` with the reason.
    public static func choose(
        for request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [Function] {
        try refuseMalformed(request)
        guard host.iommu.enabled else { throw .noIOMMU }
        var search = Search(for: request, on: host, holdings)
        for region in search.regions {
            if let chosen = search.pick(from: region) { return chosen.map { host.functions[$0] } }
        }
        throw search.refusal
    }

    /// The members of a pool that any owner could claim now.
    public static func free(of pool: Pool, on host: HostSnapshot, holdings: Holdings) -> [Function] {
        var search = Search(for: ClaimRequest(pool: pool, owner: .name("nobody")), on: host, holdings)
        return search.members.filter { search.isFree($0) }.map { host.functions[$0] }
    }

    /// The free functions that could be chosen for a waiting request. Later requests must not take them.
    public static func wanted(
        by request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) -> Set<PCIAddress> {
        var search = Search(for: request, on: host, holdings)
        let allowed = Set(search.regions.flatMap(\.self))
        return Set(allowed.filter { search.isFree($0) }.map { host.functions[$0].address })
    }

    /// Whether a claim satisfies a request with the functions that it has.
    ///
    /// If the request prefers a node, a function elsewhere satisfies it only while that node has none free.
    public static func suits(
        _ claim: Claim, _ request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) -> Bool {
        let search = Search(for: request, on: host, Holdings())
        let allowed = Set(search.regions.flatMap(\.self).map { host.functions[$0].address })
        let own = claim.assignments.filter { $0.companionOf == nil }
        guard own.allSatisfy({ allowed.contains($0.address) }) else { return false }
        if !request.settings.isEmpty, !own.allSatisfy({ host[$0.address]?.takesVFSettings == true }) { return false }
        guard case .preferred(let node?) = request.numa, own.contains(where: { $0.numaNode != node }) else {
            return true
        }
        return (try? choose(for: request.with(numa: .required(node: node)), on: host, holdings: holdings)) == nil
    }

    static func refuseMalformed(_ request: ClaimRequest) throws(Refusal) {
        guard request.count >= 1 else { throw .request(.countOutOfRange(request.count)) }
        if let mac = request.settings.mac {
            if mac.isZero || mac.isMulticast { throw .request(.badMAC(mac)) }
            if request.count > 1 { throw .request(.macNeedsOneFunction(count: request.count)) }
        }
    }

    /// The first reason why a function cannot be claimed; nil if it can.
    static func obstacle(
        to function: Function, for request: ClaimRequest, on host: HostSnapshot, _ holdings: Holdings
    ) -> Refusal? {
        let address = function.address
        guard let groupID = function.iommuGroup, let group = host.group(groupID) else { return .noIOMMU }
        // If a PF is in quarantine, none of its VFs is available.
        for suspect in [address, function.virtualFunction?.physicalFunction].compactMap(\.self) {
            if let reason = holdings.quarantine[suspect] { return .function(suspect, .quarantined(reason: reason)) }
        }
        if let claim = holdings.claims[address] {
            return .function(address, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        // The owner of one function of a group owns the group.
        let groupOwner = group.functions.lazy.compactMap { holdings.claims[$0] }.first
        if let claim = groupOwner, claim.owner != request.owner {
            return .function(address, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        if groupOwner == nil, let holder = holdings.openGroups[groupID] {
            return .function(address, .heldByProcess(holder))
        }
        if let use = use(of: function, by: request.owner, holdings) { return use }
        if !request.settings.isEmpty, !function.takesVFSettings {
            return .function(address, .settingsNeedVirtualFunction)
        }
        var going: Set<PCIAddress> = [address]
        for companion in host.companions(of: function) where holdings.claims[companion.address] == nil {
            if let reason = holdings.quarantine[companion.address] {
                return .function(companion.address, .quarantined(reason: reason))
            }
            if let use = use(of: companion, by: request.owner, holdings) { return use }
            going.insert(companion.address)
        }
        let blockers = host.blockers(of: group)
        guard blockers.allSatisfy({ going.contains($0.address) }) else {
            return .function(address, .groupNotViable(group: groupID, blockers: blockers))
        }
        return nil
    }

    /// A use of the function by others than this owner that neither its own claim nor its group shows.
    private static func use(of function: Function, by owner: Owner, _ holdings: Holdings) -> Refusal? {
        let address = function.address
        if let domain = holdings.foreign[address], .domain(uuid: domain.uuid) != owner {
            return .function(address, .heldByDomain(domain: domain.name))
        }
        if holdings.awaited.contains(address) { return .function(address, .awaited) }
        // A PF and its VFs exclude each other.
        if let sriov = function.sriov, sriov.vfCount > 0 {
            return .function(address, .cutIntoVFs(count: sriov.vfCount))
        }
        if let physical = function.virtualFunction?.physicalFunction, let claim = holdings.claims[physical] {
            return .function(physical, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        if let disk = holdings.disks[address]?.first { return .function(address, .diskInUse(disk)) }
        if let interface = function.interfaces.first(where: { $0.isAdministrativelyUp || $0.master != nil }) {
            return .function(address, .usedByHost(interface: interface.name))
        }
        return nil
    }
}

extension Function {
    /// A VF of a network card, whose PF enforces MAC, VLAN and trust.
    var takesVFSettings: Bool { virtualFunction != nil && isNetwork }
}

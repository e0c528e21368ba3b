// SPDX-License-Identifier: GPL-3.0-or-later

/// Chooses the functions of a request. Pure: equal inputs give equal answers.
public enum Placement {
    /// - Returns: `count` free functions, the best first.
    /// - Throws: a ``Refusal`` with the reason.
    public static func choose(
        for request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [Function] {
        try refuseMalformed(request)
        guard host.iommu.enabled else { throw .noIOMMU }
        var search = PlacementSearch(for: request, on: host, holdings)
        for region in search.regions {
            if let chosen = search.pick(from: region) { return chosen.map { host.functions[$0] } }
        }
        throw search.refusal
    }

    /// Chooses functions for several requests of one owner: for all of them, or for none.
    ///
    /// All requests whose policy names no node, as `required` without one, get the same node. A spread that all requests
    /// have applies to all of their functions together. If there is a solution it is found: an earlier request gets
    /// another function where a later one has only one candidate.
    ///
    /// - Parameter requests: if there are several, each is for one function.
    /// - Returns: by request.
    /// - Throws: the ``Refusal`` of the first request that can never be satisfied by itself or with those like it, else of
    ///   the first that cannot now, else that they do not fit together.
    public static func choose(
        together requests: [ClaimRequest], on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [[Function]] {
        if let only = requests.first, requests.count == 1 {
            return [try choose(for: only, on: host, holdings: holdings)]
        }
        for request in requests where request.count != 1 { throw .request(.countOutOfRange(request.count)) }
        let matching = PlacementMatching(of: requests, on: host, holdings)
        if let chosen = matching.functions { return chosen.map { [$0] } }
        let refusals = requests.compactMap { refusal(of: $0, among: requests, on: host, holdings) }
        // A refusal that may pass must not hide one that cannot.
        if let lasting = refusals.first(where: { !$0.isTemporary }) { throw lasting }
        let (devices, policy) = (requests.map { $0.deviceName ?? $0.pool.name }, requests[0].numa)
        guard matching.isPossibleLater else {
            throw .pool(
                requests[0].pool.name, .neverTogether(devices: devices, policy: policy, spread: matching.spread))
        }
        throw refusals.first
            ?? .pool(requests[0].pool.name, .notTogether(devices: devices, policy: policy, spread: matching.spread))
    }

    /// Why one of several requests cannot be met by itself, or with those like it; nil if it can.
    private static func refusal(
        of request: ClaimRequest, among requests: [ClaimRequest], on host: HostSnapshot, _ holdings: Holdings
    ) -> Refusal? {
        do throws(Refusal) {
            _ = try choose(for: request, on: host, holdings: holdings)
            // A pool with one free function may not have two.
            let alike = requests.count { $0.pool == request.pool && $0.numa == request.numa }
            if alike > 1 { _ = try choose(for: request.asking(for: alike), on: host, holdings: holdings) }
            return nil
        } catch {
            return error
        }
    }

    /// The members of a pool that any owner could claim now.
    public static func free(of pool: Pool, on host: HostSnapshot, holdings: Holdings) -> [Function] {
        var search = PlacementSearch(for: ClaimRequest(pool: pool, owner: .name("nobody")), on: host, holdings)
        return search.members.filter { search.isFree($0) }.map { host.functions[$0] }
    }

    /// The free functions that could be chosen for a waiting request. Later requests must not take them.
    ///
    /// A request that takes one function of each PF needs only one of each.
    public static func wanted(
        by request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) -> Set<PCIAddress> {
        var search = PlacementSearch(for: request, on: host, holdings)
        let allowed = Set(search.regions.flatMap(\.self))
        var cards: Set<PCIAddress> = []
        return Set(
            search.members.filter {
                allowed.contains($0) && search.isFree($0)
                    && (request.spread != .pf || cards.insert(search.card(of: $0)).inserted)
            }.map { host.functions[$0].address })
    }

    /// Whether a claim satisfies a request with the functions that it has.
    ///
    /// If the request prefers a node, a function elsewhere satisfies it only while that node has none free.
    public static func suits(
        _ claim: Claim, _ request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) -> Bool {
        let search = PlacementSearch(for: request, on: host, Holdings())
        let allowed = Set(search.regions.flatMap(\.self).map { host.functions[$0].address })
        let own = claim.assignments.filter { $0.companionOf == nil }
        guard own.allSatisfy({ allowed.contains($0.address) }) else { return false }
        if !request.settings.isEmpty, !own.allSatisfy({ host[$0.address]?.takesVFSettings == true }) { return false }
        let nodes = own.map { host[$0.address].flatMap(host.node(of:)) ?? $0.numaNode }
        guard case .preferred(let node?) = request.numa, nodes.contains(where: { $0 != node }) else { return true }
        return (try? choose(for: request.with(numa: .required(node: node)), on: host, holdings: holdings)) == nil
    }

    static func refuseMalformed(_ request: ClaimRequest) throws(Refusal) {
        guard request.count >= 1 else { throw .request(.countOutOfRange(request.count)) }
        if let mac = request.settings.mac {
            if mac.isZero || mac.isMulticast { throw .request(.badMAC(mac)) }
            if request.count > 1 { throw .request(.macNeedsOneFunction(count: request.count)) }
        }
    }

    /// How many of the functions are on each node, in node order.
    public static func supply(of free: [Function], on host: HostSnapshot) -> [PoolObstacle.NodeSupply] {
        let soleNode = host.soleNode
        return Dictionary(grouping: free) { $0.numaNode ?? soleNode }
            .map { PoolObstacle.NodeSupply(node: $0.key, free: $0.value.count) }
            .sorted { ($0.node ?? .max) < ($1.node ?? .max) }
    }
}

extension Function {
    /// A VF of an Ethernet card, whose PF enforces MAC, VLAN and trust.
    var takesVFSettings: Bool { virtualFunction != nil && isEthernet }
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension Placement {
    /// Chooses functions for several requests of one owner: for all of them, or for none.
    ///
    /// All requests whose policy names no node, as `required` without one, get the same node. A spread that all requests
    /// have applies to all of their functions together. If there is a solution it is found: an earlier request gets
    /// another function where a later one has only one candidate.
    ///
    /// - Parameter requests: if there are several, each is for one function.
    /// - Returns: by request.
    /// - Throws: the ``Refusal`` of the first request that cannot be satisfied by itself or with those like it, else
    ///   ``Refusal/notTogether(pools:devices:policy:spread:)``.
    public static func choose(
        together requests: [ClaimRequest], on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [[Function]] {
        if let only = requests.first, requests.count == 1 {
            return [try choose(for: only, on: host, holdings: holdings)]
        }
        for request in requests where request.count != 1 { throw .request(.countOutOfRange(request.count)) }
        for policies in policies(of: requests, on: host) {
            var searches = zip(requests, policies).map { Search(for: $0.with(numa: $1), on: host, holdings) }
            if let chosen = matched(&searches, spread: sharedSpread(of: requests)) {
                return chosen.map { [host.functions[$0]] }
            }
        }
        for request in requests {
            _ = try choose(for: request, on: host, holdings: holdings)
            // A pool with one free function may not have two.
            let alike = requests.count { $0.pool == request.pool && $0.numa == request.numa }
            if alike > 1 { _ = try choose(for: request.asking(for: alike), on: host, holdings: holdings) }
        }
        throw .pool(
            requests[0].pool.name,
            .notTogether(
                devices: requests.map { $0.deviceName ?? $0.pool.name },
                policy: requests[0].numa, spread: sharedSpread(of: requests)))
    }

    /// The policies with every open node replaced by the same node, for each node, the best first.
    private static func policies(of requests: [ClaimRequest], on host: HostSnapshot) -> [[NUMAPolicy]] {
        guard requests.contains(where: \.numa.isOpen) else { return [requests.map(\.numa)] }
        let nodes = Set(host.functions.compactMap(\.numaNode)).sorted()
        let onOneNode = nodes.map { node in requests.map { $0.numa.on(node, strictly: true) } }
        let near = nodes.map { node in requests.map { $0.numa.on(node, strictly: false) } }
        let anywhere =
            nodes.isEmpty && requests.allSatisfy { !$0.numa.isStrict } ? [requests.map { _ in NUMAPolicy.none }] : []
        return onOneNode + near + anywhere
    }

    private static func sharedSpread(of requests: [ClaimRequest]) -> Spread {
        let spreads = Set(requests.map(\.spread))
        return spreads.count == 1 ? spreads.first ?? .any : .any
    }

    /// A function for each search; nil if there is no solution.
    private static func matched(_ searches: inout [Search], spread: Spread) -> [Int]? {
        let candidates = searches.indices.map { index in
            searches[index].regions.first.map { region in region.filter { searches[index].isFree($0) } } ?? []
        }
        func card(_ position: Int) -> PCIAddress { searches[0].card(of: position) }
        switch spread {
        case .any: return matched(candidates) { $0 }
        case .pf: return matched(candidates, by: card)
        case .onePF:
            var seen: Set<PCIAddress> = []
            for first in candidates.first ?? [] where seen.insert(card(first)).inserted {
                let onIt = candidates.map { $0.filter { card($0) == card(first) } }
                if let chosen = matched(onIt, by: { $0 }) { return chosen }
            }
            return nil
        }
    }

    /// One candidate for each request, all with different keys: a bipartite matching by augmenting paths.
    ///
    /// - Parameter candidates: by request, the best first.
    /// - Returns: by request; nil if there is no matching.
    static func matched<Key: Hashable>(_ candidates: [[Int]], by key: (Int) -> Key) -> [Int]? {
        var holder: [Key: Int] = [:]
        var chosen = [Int?](repeating: nil, count: candidates.count)
        func place(_ one: Int, _ tried: inout Set<Key>) -> Bool {
            for candidate in candidates[one] where tried.insert(key(candidate)).inserted {
                if let other = holder[key(candidate)], !place(other, &tried) { continue }
                holder[key(candidate)] = one
                chosen[one] = candidate
                return true
            }
            return false
        }
        for one in candidates.indices {
            var tried: Set<Key> = []
            guard place(one, &tried) else { return nil }
        }
        return chosen.compactMap(\.self)
    }
}

extension NUMAPolicy {
    /// Whether it wants one node without naming it.
    fileprivate var isOpen: Bool { self != .none && node == nil }

    fileprivate var isStrict: Bool {
        switch self {
        case .none, .preferred: false
        case .required, .socket: true
        }
    }

    /// The policy for one node, if it names none.
    ///
    /// - Parameter strictly: turn a preference into a requirement.
    fileprivate func on(_ node: Int, strictly: Bool) -> NUMAPolicy {
        switch self {
        case .preferred(nil): strictly ? .required(node: node) : .preferred(node: node)
        case .required(nil): .required(node: node)
        case .socket(nil): .socket(node: node)
        case .none, .preferred, .required, .socket: self
        }
    }
}

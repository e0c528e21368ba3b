// SPDX-License-Identifier: GPL-3.0-or-later

/// The matching of functions to several requests of one owner. Each request is for one function.
struct PlacementMatching {
    private let requests: [ClaimRequest]
    private let host: HostSnapshot
    private let holdings: Holdings
    /// The spread that all requests have; `any` if they differ.
    let spread: Spread

    init(of requests: [ClaimRequest], on host: HostSnapshot, _ holdings: Holdings) {
        self.requests = requests
        self.host = host
        self.holdings = holdings
        let spreads = Set(requests.map(\.spread))
        spread = spreads.count == 1 ? spreads.first ?? .any : .any
    }

    /// By request, its function; nil if there is no solution.
    var functions: [Function]? { functions(.now) }

    /// Whether there is a solution when others' uses have ended.
    var isPossibleLater: Bool { functions(.later) != nil }

    private func functions(_ outlook: PlacementSearch.Outlook) -> [Function]? {
        for wanted in policies {
            var searches = zip(requests, wanted).map { PlacementSearch(for: $0.with(numa: $1), on: host, holdings) }
            if let chosen = matched(&searches, outlook) { return chosen.map { host.functions[$0] } }
        }
        return nil
    }

    /// The policies with every open node replaced by the same node, for each node, the best first.
    private var policies: [[NUMAPolicy]] {
        guard requests.contains(where: \.numa.isOpen) else { return [requests.map(\.numa)] }
        let soleNode = host.soleNode
        let nodes = Set(host.functions.compactMap { $0.numaNode ?? soleNode }).sorted()
        let onOneNode = nodes.map { node in requests.map { $0.numa.on(node, strictly: true) } }
        let near = nodes.map { node in requests.map { $0.numa.on(node, strictly: false) } }
        let anywhere =
            nodes.isEmpty && requests.allSatisfy { !$0.numa.isStrict } ? [requests.map { _ in NUMAPolicy.none }] : []
        return onOneNode + near + anywhere
    }

    /// A function for each search; nil if there is no solution.
    private func matched(_ searches: inout [PlacementSearch], _ outlook: PlacementSearch.Outlook) -> [Int]? {
        let candidates = searches.indices.map { index in
            searches[index].regions.first.map { region in region.filter { searches[index].admits($0, outlook) } } ?? []
        }
        func card(_ position: Int) -> PCIAddress { searches[0].card(of: position) }
        switch spread {
        case .any: return Self.matched(candidates) { $0 }
        case .pf: return Self.matched(candidates, by: card)
        case .onePF:
            var seen: Set<PCIAddress> = []
            for first in candidates.first ?? [] where seen.insert(card(first)).inserted {
                let onIt = candidates.map { $0.filter { card($0) == card(first) } }
                if let chosen = Self.matched(onIt, by: { $0 }) { return chosen }
            }
            return nil
        }
    }

    /// One candidate for each request, all with different keys: a bipartite matching by augmenting paths.
    ///
    /// - Parameter candidates: by request, the best first.
    /// - Returns: by request; nil if there is no matching.
    private static func matched<Key: Hashable>(_ candidates: [[Int]], by key: (Int) -> Key) -> [Int]? {
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

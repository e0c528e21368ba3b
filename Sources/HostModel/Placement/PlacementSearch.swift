// SPDX-License-Identifier: GPL-3.0-or-later

/// The search for one request's functions. It judges a function when it first needs to, and never twice.
///
/// A function is identified by its position in the snapshot.
struct PlacementSearch {
    let request: ClaimRequest
    let host: HostSnapshot
    let holdings: Holdings
    /// The pool's functions, in address order.
    let members: [Int]
    private let loads: CardLoads?
    /// By position, why the function is not available; nil for one that is.
    private var verdicts: [Int: Refusal?] = [:]

    init(for request: ClaimRequest, on host: HostSnapshot, _ holdings: Holdings) {
        self.request = request
        self.host = host
        self.holdings = holdings
        members = request.pool.selector.positions(in: host)
        loads = request.pool.order == .address ? nil : CardLoads(on: host, holdings)
    }

    /// Which functions a search may count on.
    enum Outlook {
        /// Those that are free.
        case now
        /// Also those that somebody's use keeps from being free: it can end.
        case later
        /// All, whatever keeps them from being free.
        case ever
    }

    mutating func isFree(_ position: Int) -> Bool { verdict(on: position) == nil }

    /// Whether the search may count on a function.
    mutating func admits(_ position: Int, _ outlook: Outlook) -> Bool {
        switch outlook {
        case .now: isFree(position)
        case .later: verdict(on: position)?.endsByItself ?? true
        case .ever: true
        }
    }

    mutating func verdict(on position: Int) -> Refusal? {
        if let known = verdicts[position] { return known }
        let verdict = obstacle(to: host.functions[position])
        verdicts[position] = .some(verdict)
        return verdict
    }

    /// The sets of functions that the NUMA policy allows together. The best set is first, and in each set the best
    /// function.
    var regions: [[Int]] {
        let members = ordered
        let soleNode = host.soleNode
        func node(_ position: Int) -> Int? { host.functions[position].numaNode ?? soleNode }
        // A function, since only some policies need it, and it looks at thousands of members.
        func nodes() -> [Int] { Set(members.compactMap(node)).sorted() }
        func region(_ allowed: some Sequence<Int>) -> [Int] {
            let allowed = Set(allowed)
            return members.filter { node($0).map(allowed.contains) ?? false }
        }
        switch request.numa {
        case .none: return [members]
        case .preferred(let node?): return [nearest(to: node, members)]
        case .preferred(nil): return nodes().map { region([$0]) } + [members]
        case .required(let node?): return [region([node])]
        case .required(nil): return nodes().map { region([$0]) }
        case .socket(let node?): return [nearest(to: node, region(distances.socket(of: node)))]
        case .socket(nil): return nodes().map { nearest(to: $0, region(distances.socket(of: $0))) }
        }
    }

    /// The requested number of functions with the requested spread; nil if the region has too few.
    mutating func pick(from region: [Int], _ outlook: Outlook = .now) -> [Int]? {
        switch request.spread {
        case .any: return first(of: region, outlook)
        case .onePF:
            for card in cards(of: region) {
                if let chosen = first(of: region.filter { self.card(of: $0) == card }, outlook) { return chosen }
            }
            return nil
        case .pf:
            var taken: Set<PCIAddress> = []
            var chosen: [Int] = []
            for position in region
            where !taken.contains(card(of: position)) && admits(position, outlook) {
                taken.insert(card(of: position))
                chosen.append(position)
                if chosen.count == request.count { return chosen }
            }
            return nil
        }
    }

    private mutating func first(of region: [Int], _ outlook: Outlook) -> [Int]? {
        var chosen: [Int] = []
        for position in region where admits(position, outlook) {
            chosen.append(position)
            if chosen.count == request.count { return chosen }
        }
        return nil
    }

    private var distances: NUMADistances { NUMADistances(between: host.numaNodes) }

    /// The members in the pool's order of PFs.
    private var ordered: [Int] {
        guard let loads else { return members }
        return members.stableSorted { loads.rank(of: card(of: $0), request.pool.order) }
    }

    private func nearest(to node: Int, _ positions: [Int]) -> [Int] {
        let soleNode = host.soleNode
        let distanceOf = Dictionary(
            Set(positions.map { host.functions[$0].numaNode ?? soleNode }).map { other in
                (other, distances.distance(from: node, to: other))
            }, uniquingKeysWith: { first, _ in first })
        return positions.stableSorted { distanceOf[host.functions[$0].numaNode ?? soleNode] ?? .max }
    }

    /// In the region's order.
    private func cards(of region: [Int]) -> [PCIAddress] {
        var known: Set<PCIAddress> = []
        return region.map(card).filter { known.insert($0).inserted }
    }

    /// The function's PF, or the function itself.
    func card(of position: Int) -> PCIAddress {
        host.functions[position].virtualFunction?.physicalFunction ?? host.functions[position].address
    }
}

extension Array {
    /// Sorted by a key. Elements with equal keys keep their order.
    func stableSorted(by key: (Element) -> Int) -> [Element] {
        let keys = map(key)
        // On most hosts the functions are in order already.
        if zip(keys, keys.dropFirst()).allSatisfy({ $0 <= $1 }) { return self }
        return indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { self[$0] }
    }
}

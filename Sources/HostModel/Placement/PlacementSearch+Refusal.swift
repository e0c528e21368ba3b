// SPDX-License-Identifier: GPL-3.0-or-later

extension PlacementSearch {
    /// Why no region has enough free functions.
    ///
    /// Temporary only if a region can have enough of them without a change of the host or the request.
    var refusal: Refusal {
        mutating get {
            let regions = regions
            if regions.contains(where: { pick(from: $0, .later) != nil }) { return shortageNow }
            guard regions.contains(where: { pick(from: $0, .ever) != nil }) else { return impossible(in: regions) }
            for position in regions.joined() {
                if let obstacle = verdict(on: position), !obstacle.endsByItself { return obstacle }
            }
            return shortageNow
        }
    }

    /// Why the request cannot be met with any function of the pool.
    private func impossible(in regions: [[Int]]) -> Refusal {
        let pool = request.pool.name
        if members.count < request.count {
            return .pool(pool, .tooSmall(wanted: request.count, total: members.count))
        }
        let isSpread = request.spread != .any && regions.contains { $0.count >= request.count }
        guard isSpread else {
            let byNode = Placement.supply(of: members.map { host.functions[$0] }, on: host)
            return .pool(pool, .tooSmallOnNode(policy: request.numa, wanted: request.count, byNode: byNode))
        }
        let most = regions.map { region in
            let byCard = Dictionary(grouping: region, by: card)
            return request.spread == .pf ? byCard.count : byCard.values.map(\.count).max() ?? 0
        }.max()
        return .pool(
            pool,
            .tooSmallOnCards(
                spread: request.spread, policy: request.numa, wanted: request.count, most: most ?? 0))
    }

    /// Enough functions will be free when others' uses end.
    private var shortageNow: Refusal {
        mutating get {
            let obstacles = members.compactMap { verdict(on: $0) }
            let free = members.filter { isFree($0) }.map { host.functions[$0] }
            guard free.count >= request.count else { return shortage(obstacles, free: free.count) }
            let supply = Placement.supply(of: free, on: host)
            if request.spread != .any {
                let cards = Dictionary(grouping: free) { $0.virtualFunction?.physicalFunction ?? $0.address }
                return .pool(
                    request.pool.name,
                    .cardsExhausted(
                        spread: request.spread, policy: request.numa, wanted: request.count,
                        freeByCard: cards.map {
                            PoolObstacle.CardSupply(
                                card: $0.key, node: $0.value.first.flatMap(host.node(of:)), free: $0.value.count)
                        }
                        .sorted { $0.card < $1.card }))
            }
            return .pool(
                request.pool.name, .nodeExhausted(policy: request.numa, wanted: request.count, freeByNode: supply))
        }
    }

    /// The shortage, with a count of each reason.
    private func shortage(_ obstacles: [Refusal], free: Int) -> Refusal {
        var counts: [(code: String, count: Int)] = []
        var holders: [String] = []
        for obstacle in obstacles {
            if case .function(_, .heldByClaim(_, let owner)) = obstacle, !holders.contains(owner) {
                holders.append(owner)
            }
            if let position = counts.firstIndex(where: { $0.code == obstacle.briefly }) {
                counts[position].count += 1
            } else {
                counts.append((obstacle.briefly, 1))
            }
        }
        return .pool(
            request.pool.name,
            .exhausted(
                wanted: request.count, free: free, total: members.count,
                reasons: counts.map { code, count in
                    "\(count) \(code)" + (code == Refusal.claimed ? " by \(Self.fewOf(holders))" : "")
                }))
    }
}

extension PlacementSearch {
    /// The first names, and how many more there are.
    private static func fewOf(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}

extension Refusal {
    fileprivate static let claimed = "claimed"

    /// Another user's use ends by itself; a property of the host does not.
    var endsByItself: Bool {
        guard case .function(_, let obstacle) = self else { return false }
        return switch obstacle {
        case .heldByClaim, .heldByProcess, .heldByDomain, .awaited: true
        default: false
        }
    }

    fileprivate var briefly: String {
        guard case .function(_, let obstacle) = self else { return code }
        return switch obstacle {
        case .heldByClaim: Self.claimed
        case .awaited: "reserved for an earlier request"
        case .heldByProcess(let holder): "open in \(holder.guest.map { "the guest \($0)" } ?? holder.description)"
        case .deviceOpen(let use): "open in \(use.process.guest.map { "the guest \($0)" } ?? use.process.description)"
        case .diskInUse(let disk): "in use by the host (\(disk.device): \(disk.name))"
        case .hostConsole: "the host's console"
        case .interfaceElsewhere: "in another network namespace"
        case .heldByDomain(let domain): "in the XML of domain \(domain)"
        default: code
        }
    }
}

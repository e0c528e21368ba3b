// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a pool has nothing for a request.
public enum PoolObstacle: Hashable, Sendable {
    case unknown(known: [String])
    /// With this claim, `holder` would have more functions than the pool allows one owner or user.
    case quotaReached(holder: String, limit: Int)
    /// Fewer are free than wanted. `reasons` count what the others are taken by.
    case exhausted(wanted: Int, free: Int, total: Int, reasons: [String])
    /// Enough are free, but not on nodes that the policy allows.
    case nodeExhausted(policy: NUMAPolicy, wanted: Int, freeByNode: [NodeSupply])
    /// Enough are free, but on too few PFs or on too many.
    case cardsExhausted(spread: Spread, policy: NUMAPolicy, wanted: Int, freeByCard: [CardSupply])
    /// The pool has fewer functions than wanted, used ones included.
    case tooSmall(wanted: Int, total: Int)
    /// The nodes that the policy allows have fewer functions of the pool than wanted. `byNode` counts all, used or free.
    case tooSmallOnNode(policy: NUMAPolicy, wanted: Int, byNode: [NodeSupply])
    /// The pool has too few PFs, or no PF has enough functions of it. `most` can be had with this spread.
    case tooSmallOnCards(spread: Spread, policy: NUMAPolicy, wanted: Int, most: Int)
    /// No choice fits all devices, even when all functions are free. The refusal names the first one's pool.
    case neverTogether(devices: [String], policy: NUMAPolicy, spread: Spread)
    /// Each device is free by itself, and no choice fits them all. The refusal names the first one's pool.
    case notTogether(devices: [String], policy: NUMAPolicy, spread: Spread)

    /// How many functions of a pool are free on a PF.
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

extension PoolObstacle {
    func report(on pool: String) -> ErrorReport {
        switch self {
        case .unknown(let known):
            ErrorReport(
                .notFound, "unknown-pool", pool,
                "there is no pool '\(pool)'" + (known.isEmpty ? "" : " (known: \(known.joined(separator: ", ")))"),
                remedy: "buslane pools lists the pools; /etc/buslane/buslane.yaml declares them")
        case .quotaReached(let holder, let limit):
            ErrorReport(
                .conflict, "quota-reached", pool,
                "\(holder) may have \(limit) function\(limit == 1 ? "" : "s") of pool '\(pool)' in all, and would have more",
                remedy:
                    "ask for fewer, or release a claim (buslane claims lists them); the pool's 'maxClaims' is the limit"
            )
        case .exhausted(let wanted, let free, let total, let reasons):
            ErrorReport(
                .notNow, "no-capacity", pool,
                "pool '\(pool)' has \(free) of \(total) functions free, \(wanted) wanted"
                    + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))"),
                remedy: Self.wait)
        case .nodeExhausted(let policy, let wanted, let supply):
            ErrorReport(
                .notNow, "no-capacity-on-node", pool,
                "pool '\(pool)' cannot give \(wanted) with NUMA policy \(policy): \(supply.text)", remedy: Self.wait)
        case .cardsExhausted(let spread, let policy, let wanted, let supply):
            ErrorReport(
                .notNow, "no-capacity-on-cards", pool,
                "pool '\(pool)' cannot give \(wanted) \(spread == .pf ? "on as many PFs" : "on one PF")"
                    + (policy == .none ? "" : " with NUMA policy \(policy)") + ": \(supply.text)",
                remedy: "try again later, ask for fewer, or leave out --spread; buslane claims shows who has what")
        case .tooSmall(let wanted, let total):
            ErrorReport(
                .conflict, "pool-too-small", pool,
                "pool '\(pool)' has \(total == 0 ? "no function" : "only \(total) functions") on this host, \(wanted) wanted",
                remedy: total == 0
                    ? "compare its selector with buslane inventory; VFs count once buslane apply has created them"
                    : "ask for at most \(total), or declare more VFs and run buslane apply")
        case .tooSmallOnNode(let policy, let wanted, let byNode):
            ErrorReport(
                .conflict, "pool-too-small-on-node", pool,
                "pool '\(pool)' can never give \(wanted) with NUMA policy \(policy): it has \(byNode.counts)",
                remedy:
                    "ask for \(wanted == 1 ? "another node" : "fewer, or for another node") or with --numa preferred, or "
                    + "add functions of the node to the pool")
        case .tooSmallOnCards(let spread, let policy, let wanted, let most):
            ErrorReport(
                .conflict, "pool-too-small-on-cards", pool,
                "pool '\(pool)' can never give \(wanted) \(spread == .pf ? "on as many PFs" : "on one PF")"
                    + (policy == .none ? "" : " with NUMA policy \(policy)") + ": \(most) at most",
                remedy: "ask for at most \(most), or leave out --spread")
        case .neverTogether(let devices, let policy, let spread):
            ErrorReport(
                .conflict, "never-together", pool,
                "devices \(devices.joined(separator: ", ")) cannot be given together with NUMA policy \(policy)"
                    + spread.addition + ", even when all functions are free",
                remedy: "buslane inventory shows which node and PF each function is on; ask for fewer, or with "
                    + "--numa preferred, or add functions to the pools")
        case .notTogether(let devices, let policy, let spread):
            ErrorReport(
                .notNow, "no-capacity-together", pool,
                "devices \(devices.joined(separator: ", ")) are each free, but not together with NUMA policy \(policy)"
                    + spread.addition,
                remedy: "buslane pools shows what is free on which node; try again later, or with --numa preferred")
        }
    }

    private static let wait = "release a claim, or try again later; buslane claims shows who has what"
}

extension Spread {
    fileprivate var addition: String {
        switch self {
        case .any: ""
        case .pf: ", each on another PF"
        case .onePF: ", all on one PF"
        }
    }
}

extension [PoolObstacle.NodeSupply] {
    /// `2 on node 0, 1 on node 1`.
    fileprivate var counts: String { counts("") }

    fileprivate var text: String { isEmpty ? "none free" : counts("free ") }

    private func counts(_ word: String) -> String {
        map { entry in "\(entry.free) \(word)on " + (entry.node.map { "node \($0)" } ?? "an unknown node") }
            .joined(separator: ", ")
    }
}

extension [PoolObstacle.CardSupply] {
    fileprivate var text: String {
        map { "\($0.free) free on \($0.card)\($0.node.map { " (node \($0))" } ?? "")" }.joined(separator: ", ")
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The pools of the configuration in force.
struct PoolDirectory: Sendable {
    let host: any Host
    /// At the whole host.
    let looks: SharedLook<HostSnapshot>
    let configuration: ConfigurationInForce
    let holdings: HoldingsReader

    /// A pool with the functions that it has and those that are free.
    struct Supply: Sendable {
        let pool: Pool
        let members: [Function]
        let free: [Function]
        /// How many are free on each node.
        let nodes: [PoolObstacle.NodeSupply]
    }

    /// All pools with the present host.
    func supplies() async throws -> [Supply] {
        let snapshot = try await looks.now()
        let held = try await holdings.holdings(for: .placingNow)
        return try configuration.inForce().pools.map { pool in
            let free = Placement.free(of: pool, on: snapshot, holdings: held)
            return Supply(
                pool: pool, members: pool.selector.matches(in: snapshot), free: free,
                nodes: Placement.supply(of: free, on: snapshot))
        }
    }

    /// - Throws: ``Refusal/unknownPool(_:known:)``, and the refusal of a pool that overlaps with an exclusive one.
    func pool(_ name: String) throws -> Pool {
        let desired = try configuration.inForce()
        guard let pool = desired.pool(name) else {
            throw Refusal.pool(name, .unknown(known: desired.pools.map(\.name)))
        }
        let seen = try host.lastSeen(indexedBy: desired.selectorsOfOverlaps)
        for problem in desired.overlaps(on: seen) where problem.refusal.concerns(pool: name) {
            throw problem.refusal
        }
        return pool
    }
}

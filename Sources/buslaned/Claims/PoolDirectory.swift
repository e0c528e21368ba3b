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

    /// The request, of its pool as it is configured now.
    ///
    /// - Throws: ``Refusal`` for a pool that is gone, and for one that the caller may not claim from any more.
    func renewed(_ request: ClaimRequest, of caller: Caller) throws -> ClaimRequest {
        let pool = try configured(request.pool.name, in: try configuration.inForce())
        if pool == request.pool { return request }
        var renewed = request
        renewed.pool = pool
        try caller.mustBeAdmitted(to: renewed)
        return renewed
    }

    private func configured(_ name: String, in desired: DesiredState) throws(Refusal) -> Pool {
        guard let pool = desired.pool(name) else {
            throw .pool(name, .unknown(known: desired.pools.map(\.name)))
        }
        return pool
    }

    /// - Throws: ``Refusal/unknownPool(_:known:)``, and the refusal of a pool that overlaps with an exclusive one.
    func pool(_ name: String) throws -> Pool {
        let desired = try configuration.inForce()
        let pool = try configured(name, in: desired)
        let seen = try host.lastSeen(indexedBy: desired.selectorsOfOverlaps)
        for problem in desired.overlaps(on: seen) where problem.refusal.concerns(pool: name) {
            throw problem.refusal
        }
        return pool
    }
}

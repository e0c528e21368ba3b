// SPDX-License-Identifier: GPL-3.0-or-later

extension Placement {
    /// Why each function of a pool would be chosen for a request, or not.
    public struct Explanation: Sendable {
        public let candidates: [Candidate]
        /// nil when the request would be granted.
        public let refusal: Refusal?
    }

    /// One function of the pool.
    public struct Candidate: Sendable {
        public let address: PCIAddress
        public let card: PCIAddress
        public let numaNode: Int?
        public let verdict: Verdict
    }

    public enum Verdict: Hashable, Sendable {
        case chosen
        /// Free, but not needed: others are preferred.
        case spare
        /// Free, but the NUMA policy or the spread excludes it.
        case unsuitable
        case obstructed(Refusal)
    }

    /// The same decision as ``choose(for:on:holdings:)``, with its reasons.
    public static func explain(
        _ request: ClaimRequest, on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> Explanation {
        try refuseMalformed(request)
        guard host.iommu.enabled else { throw .noIOMMU }
        var search = PlacementSearch(for: request, on: host, holdings)
        let regions = search.regions
        let soleNode = host.soleNode
        var chosen: [Int] = []
        for region in regions where chosen.isEmpty { chosen = search.pick(from: region) ?? [] }
        let allowed = Set(regions.flatMap(\.self))
        let candidates = search.members.map { position in
            let function = host.functions[position]
            let verdict: Verdict =
                if let obstacle = search.verdict(on: position) {
                    .obstructed(obstacle)
                } else if chosen.contains(position) {
                    .chosen
                } else {
                    chosen.isEmpty || !allowed.contains(position) ? .unsuitable : .spare
                }
            return Candidate(
                address: function.address,
                card: function.virtualFunction?.physicalFunction ?? function.address,
                numaNode: function.numaNode ?? soleNode,
                verdict: verdict)
        }
        return Explanation(candidates: candidates, refusal: chosen.isEmpty ? search.refusal : nil)
    }
}

extension Placement.Verdict: CustomStringConvertible {
    public var description: String {
        switch self {
        case .chosen: "chosen"
        case .spare: "free, but others are preferred"
        case .unsuitable: "free, but excluded by the NUMA policy or the spread"
        case .obstructed(let refusal): refusal.message
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a claim cannot be changed or released.
public enum ClaimObstacle: Hashable, Sendable {
    case unknown
    /// Another request is changing it.
    case changing
    case notRenewable(hasEnded: Bool)
    /// Its domain is starting.
    case guestStarting(domain: String)
    /// The caller read the claim before it changed.
    case staleGeneration(given: Int, current: Int)
}

extension ClaimObstacle {
    func report(on claim: String) -> ErrorReport {
        switch self {
        case .unknown:
            ErrorReport(
                .notFound, "unknown-claim", claim, "there is no claim \(claim)",
                remedy: "list the live claims with buslane claims")
        case .changing:
            ErrorReport(
                .notNow, "claim-changing", claim, "claim \(claim) is still being set up", remedy: "try again")
        case .notRenewable(hasEnded: true):
            ErrorReport(
                .conflict, "not-renewable", claim, "cannot renew \(claim): it has ended",
                remedy: "make a new claim with buslane allocate")
        case .notRenewable(hasEnded: false):
            ErrorReport(
                .conflict, "not-renewable", claim, "cannot renew \(claim): it has no time limit",
                remedy: "none is needed: the claim lasts until buslane release \(claim)")
        case .guestStarting(let domain):
            ErrorReport(
                .notNow, "guest-starting", claim, "cannot release \(claim): domain \(domain) is starting",
                remedy: "try again in a minute, or virsh destroy \(domain.shellWord)")
        case .staleGeneration(let given, let current):
            ErrorReport(
                .conflict, "stale-generation", claim,
                "claim \(claim) is at generation \(current), and the request is for generation \(given)",
                remedy: "read the claim again with buslane claims, and repeat the request")
        }
    }
}

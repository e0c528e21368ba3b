// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a claim cannot be changed or released.
public enum ClaimObstacle: Hashable, Sendable {
    case unknown
    /// Another request is changing it.
    case changing
    case notRenewable(hasEnded: Bool)
    /// Its domain is starting.
    case guestStarting(domain: String)
    /// Its guest runs or starts with it, and its functions cannot be others.
    case inUse
    /// It is known which function it has.
    case notInDoubt
    /// Several of its devices are in doubt, or none with the name that was given.
    case whichDevice([String])
    /// Another card has the address of its own.
    case cardAway
    /// It has the device, and lacks what the domain's XML requests for it.
    case differsFromRequest(device: String, domain: String, lacking: [String])
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
        case .inUse:
            ErrorReport(
                .conflict, "claim-in-use", claim, "cannot rebind \(claim): its guest runs or starts with it",
                remedy: "shut the guest down first; buslane claims names its owner")
        case .notInDoubt:
            ErrorReport(
                .conflict, "not-in-doubt", claim,
                "cannot rebind \(claim): its card is there, and no doubt about it is known",
                remedy: "for another function, buslane release \(claim) and claim again")
        case .whichDevice(let devices):
            ErrorReport(
                .conflict, "which-device", claim,
                "cannot rebind \(claim): of its devices, \(devices.joined(separator: ", ")) "
                    + (devices.count == 1 ? "is in doubt" : "are in doubt"),
                remedy: "buslane claims rebind \(claim) FUNCTION --device \(devices[0].shellWord)")
        case .cardAway:
            ErrorReport(
                .conflict, "card-away", claim,
                "the card of claim \(claim) is not there, and another one has its address",
                remedy: "put the card back and restart buslaned; or buslane claims rebind \(claim) FUNCTION; or "
                    + "buslane release \(claim)")
        case .differsFromRequest(let device, let domain, let lacking):
            ErrorReport(
                .conflict, "claim-differs", claim,
                "claim \(claim) has device \(device) of domain \(domain), but not what the XML requests for it: "
                    + lacking.joined(separator: ", "),
                remedy: "buslane domain sync \(domain.shellWord) adapts the claim to the XML of a defined domain; for "
                    + "another XML, buslane release \(claim) and try again")
        case .staleGeneration(let given, let current):
            ErrorReport(
                .conflict, "stale-generation", claim,
                "claim \(claim) is at generation \(current), and the request is for generation \(given)",
                remedy: "read the claim again with buslane claims, and repeat the request")
        }
    }
}

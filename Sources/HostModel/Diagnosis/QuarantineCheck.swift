// SPDX-License-Identifier: GPL-3.0-or-later

/// Functions in quarantine: no claim gets them, and no guest starts with them.
public struct QuarantineCheck: Sendable {
    /// What is in quarantine, and who claims it.
    public let holdings: Holdings

    public init(_ holdings: Holdings) { self.holdings = holdings }

    /// One finding for a function or, where several have the same reason and nobody claims them, for all of these.
    public var findings: [Finding] {
        let addresses = holdings.quarantine.keys.sorted()
        let claimed = addresses.filter { holdings.claims[$0] != nil }
        let others = Dictionary(grouping: addresses.filter { holdings.claims[$0] == nil }) { holdings.quarantine[$0] }
        let groups = claimed.map { [$0] } + others.values
        return groups.sorted { $0[0] < $1[0] }.map(finding)
    }

    private func finding(_ addresses: [PCIAddress]) -> Finding {
        let (first, reason) = (addresses[0], holdings.quarantine[addresses[0]] ?? "")
        let claim = holdings.claims[first]
        let remedy = Refusal.function(first, .quarantined(reason: reason, claim: claim?.id)).report.remedy
        return Finding(
            .warning, "in-quarantine", subject: addresses.count == 1 ? "\(first)" : "host",
            "\(addresses.listed) \(addresses.count == 1 ? "is" : "are") in quarantine: \(reason)",
            why: claim.map { "it belongs to claim \($0.id): a guest of \($0.ownerName) does not start with it" }
                ?? "no claim gets such a function",
            remedy: remedy.map { addresses.count > 1 ? "\($0); likewise for the others" : $0 })
    }
}

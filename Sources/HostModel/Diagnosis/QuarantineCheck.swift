// SPDX-License-Identifier: GPL-3.0-or-later

/// Functions in quarantine: no claim gets them, and no guest starts with them.
public struct QuarantineCheck: Sendable {
    /// The reason for each function.
    public let quarantine: [PCIAddress: String]
    public let claims: [Claim]

    public init(_ quarantine: [PCIAddress: String], claims: [Claim]) {
        self.quarantine = quarantine
        self.claims = claims
    }

    /// One finding for a function or, where several have the same reason and nobody claims them, for all of these.
    public var findings: [Finding] {
        let claimed = quarantine.keys.filter { claim(of: $0) != nil }.sorted()
        let others = Dictionary(grouping: quarantine.keys.filter { claim(of: $0) == nil }) { quarantine[$0] ?? "" }
        let groups = claimed.map { [$0] } + others.values.map { $0.sorted() }
        return groups.sorted { $0[0] < $1[0] }.map(finding)
    }

    private func claim(of address: PCIAddress) -> Claim? {
        claims.first { $0.assignments.contains { $0.address == address } }
    }

    private func finding(_ addresses: [PCIAddress]) -> Finding {
        let (first, reason) = (addresses[0], quarantine[addresses[0]] ?? "")
        let claim = claim(of: first)
        let refusal = Refusal.function(
            first, .quarantined(reason: reason, claim: CardDoubt.isReason(reason) ? claim?.id : nil))
        let remedy = refusal.report.remedy.map { addresses.count > 1 ? "\($0); likewise for the others" : $0 }
        return Finding(
            .warning, "in-quarantine", subject: addresses.count == 1 ? "\(first)" : "host",
            "\(addresses.listed) \(addresses.count == 1 ? "is" : "are") in quarantine: \(reason)",
            why: claim.map { "it belongs to claim \($0.id): a guest of \($0.ownerName) does not start with it" }
                ?? "no claim gets such a function",
            remedy: remedy)
    }
}

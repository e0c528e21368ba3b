// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension Ledger {
    /// Judges by the live claims, outside of a transaction that writes. What is written is judged again.
    public func judging<Verdict: Sendable>(
        _ judge: @escaping @Sendable (any ClaimRecords) throws -> Verdict
    ) async throws -> Verdict {
        try await queries.run { try judge(try LiveClaimRecords(besides: [], $0)) }
    }
}

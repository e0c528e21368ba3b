// SPDX-License-Identifier: GPL-3.0-or-later

/// How many records of ended claims stay in the ledger.
public struct EndedClaims: Sendable {
    /// The largest number of them.
    public let count: Int
    /// How long each stays, in seconds.
    public let age: Int

    public init(count: Int = 10_000, age: Int = 30 * 86400) {
        self.count = count
        self.age = age
    }
}

extension ClaimLives {
    /// Removes the records of ended claims beyond those that are to stay. The newest claim always stays, whatever its state.
    ///
    /// In small commits, so that no claim waits for it.
    ///
    /// - Returns: the number of removed records.
    @discardableResult
    public func prune(keeping kept: EndedClaims) async throws -> Int {
        let time = now() - kept.age
        var removed = 0
        while true {
            let outdated = try await queries.run {
                try $0.claims.outdated(beyond: kept.count, endedBefore: time, limit: Self.batch)
            }
            if !outdated.isEmpty { try await commits.run(outliving: .process) { try $0.claims.forget(outdated) } }
            removed += outdated.count
            if outdated.count < Self.batch { return removed }
        }
    }

    /// How many records one commit removes.
    private static var batch: Int { 500 }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// The end of a claim, in two steps: what its functions need in between is not done twice, nor for a claim that goes on.
extension Ledger {
    /// What came of asking for a claim's release.
    public enum ReleaseStart: Sendable {
        /// The claim is `releasing`: whoever asked puts its functions back, and ends it.
        case begun(Claim)
        /// It ended before, or another is at it.
        case over(Claim)
        /// The claim stays as it is.
        case refused(Claim, Refusal)
    }

    /// Decides on a claim as it is now whether it is released, in one transaction with the beginning of that.
    ///
    /// - Parameters:
    ///   - generation: the one that the caller knows; nil for whichever it has.
    ///   - refusal: why a claim that could be released is not.
    /// - Throws: ``Refusal`` for a claim that nobody knows, that is just being made, or of another generation.
    public func beginRelease(
        of id: String, generation: Int? = nil, unless refusal: @escaping @Sendable (Claim) throws -> Refusal?
    ) async throws -> ReleaseStart {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
        return try await commits.run(outliving: .process) { db in
            guard var claim = try Self.claim(number, db) else { throw Refusal.unknownClaim(id) }
            switch claim.state {
            case .released, .releasing: return .over(claim)
            case .pending: throw Refusal.claimChanging(id)
            case .bound, .inUse: break
            }
            if let generation, generation != claim.generation {
                throw Refusal.staleGeneration(claim: id, given: generation, current: claim.generation)
            }
            if let refusal = try refusal(claim) { return .refused(claim, refusal) }
            claim.state = .releasing
            claim.use = nil
            try db.run(
                "UPDATE claim SET state = 'releasing', usedInBoot = NULL, usedSince = NULL WHERE number = ?", [number])
            return .begun(claim)
        }
    }

    /// Ends a claim: its functions are free, its row stays as a record. Ending it again changes nothing.
    ///
    /// - Parameter audit: what to write down.
    public func end(claim id: String, audit: AuditEntry.Draft? = nil) async throws {
        guard let number = Self.number(ofClaim: id) else { throw Refusal.unknownClaim(id) }
        let endedAt = timestamp()
        try await commits.run { [live] db in
            try db.run("DELETE FROM assignment WHERE claim = ?", [number])
            live.remove(claim: id)
            try Self.write(audit, at: endedAt, db)
            try db.run(
                """
                UPDATE claim SET state = 'released', endedAt = ?, usedInBoot = NULL, usedSince = NULL
                WHERE number = ? AND state <> 'released'
                """,
                [endedAt, number])
        }
    }
}

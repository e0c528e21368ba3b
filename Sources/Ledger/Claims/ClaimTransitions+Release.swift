// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// A claim is released in two steps, `releasing` and `released`. Its functions are restored in between, once, and only if
/// the first step succeeded.
extension ClaimTransitions {
    /// The answer to the first step of a release.
    public enum ReleaseStart: Sendable {
        /// The claim is `releasing`: the caller restores its functions and calls ``end(claim:audit:)``.
        case begun(Claim)
        /// The claim is released already, or another caller is releasing it.
        case over(Claim)
        /// The claim stays unchanged.
        case refused(Claim, Refusal)
    }

    /// Moves a claim to `releasing` unless `refusal` forbids it, decided and written in one transaction.
    ///
    /// - Parameters:
    ///   - generation: the generation that the caller knows; nil for any.
    ///   - refusal: receives the claim as it is now; returns why it must not be released, or nil.
    /// - Throws: ``Refusal`` for a claim that does not exist, is still being set up, or has another generation.
    public func beginRelease(
        of id: String, generation: Int? = nil, unless refusal: @escaping @Sendable (Claim) throws -> Refusal?
    ) async throws -> ReleaseStart {
        guard let number = Claim.number(of: id) else { throw Refusal.claim(id, .unknown) }
        return try await commits.run(outliving: .process) { db in
            guard var claim = try db.claims.claim(number) else { throw Refusal.claim(id, .unknown) }
            switch claim.state {
            case .released, .releasing: return .over(claim)
            case .pending: throw Refusal.claim(id, .changing)
            case .bound, .inUse: break
            }
            if let generation, generation != claim.generation {
                throw Refusal.claim(id, .staleGeneration(given: generation, current: claim.generation))
            }
            if let refusal = try refusal(claim) { return .refused(claim, refusal) }
            claim.state = .releasing
            claim.use = nil
            try db.claims.beginRelease(ofClaim: number)
            return .begun(claim)
        }
    }

    /// Moves a claim to `released` and frees its functions. Its row stays as a record; a second call changes nothing.
    ///
    /// - Parameter audit: the entry to write with it.
    public func end(claim id: String, audit: AuditEntry.Draft? = nil) async throws {
        guard let number = Claim.number(of: id) else { throw Refusal.claim(id, .unknown) }
        let endedAt = now()
        try await commits.run { [ownership] db in
            try db.assignments.remove(ofClaim: number)
            ownership.remove(claim: id)
            try db.audit.write(audit, at: endedAt)
            try db.claims.end(claim: number, at: endedAt)
        }
    }
}

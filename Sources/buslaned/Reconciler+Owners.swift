// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Whether an owner is still there.
enum Presence: Sendable {
    case there, gone
    /// Nobody can say now.
    case unknown
}

/// Since when owners are gone that cannot say goodbye.
struct Absences: Sendable {
    /// How long an owner may be away that can come back: a domain that is defined anew, a unit that restarts. In seconds.
    let grace: Int
    private var since: [Owner: Int] = [:]

    init(grace: Int) { self.grace = grace }

    /// - Parameters:
    ///   - found: of every owner that has claims.
    ///   - now: in seconds; never goes back.
    /// - Returns: those that will not come back.
    mutating func note(_ found: [Owner: Presence], now: Int) -> [Owner] {
        since = since.filter { found[$0.key] == .gone || found[$0.key] == .unknown }
        for (owner, presence) in found where presence == .gone && since[owner] == nil { since[owner] = now }
        return found.filter { owner, presence in
            guard presence == .gone, let since = since[owner] else { return false }
            // A process never comes back.
            if case .process = owner { return true }
            return now >= since + grace
        }
        .map(\.key).sorted { $0.description < $1.description }
    }
}

extension Reconciler {
    /// Gives back what owners have that are gone. What a guest runs with stays, and is tried again at the next look.
    ///
    /// - Parameter presence: asked of each owner that can vanish.
    func endVanished(_ absences: inout Absences, presence: (Owner) async -> Presence) async throws {
        let owners = Set(try await ledger.claims().map(\.owner).filter(\.canVanish))
        var found: [Owner: Presence] = [:]
        for owner in owners { found[owner] = await presence(owner) }
        for owner in absences.note(found, now: sinceBoot()) {
            do {
                let ended = try await release(allOf: owner, by: .daemon)
                logger.notice("its owner is gone", metadata: ["owner": "\(owner)", "claims": "\(ended.count)"])
            } catch {
                logger.debug("its owner is gone, and it is kept", metadata: ["owner": "\(owner)", "why": "\(error)"])
            }
        }
    }

    /// Nobody was there any more to be told of these claims: who asked for them does not know that they have them.
    ///
    /// - Parameter actor: who asked.
    func giveBackUntold(_ claims: [Claim], by actor: AuditEntry.Actor) async throws {
        for claim in claims {
            try await ledger.audit(
                "answer", subject: claim.id, detail: claim.ownerName,
                result: "whoever asked was gone: it is given back", actor: actor)
            _ = try await release(claim.id, by: .daemon)
        }
    }
}

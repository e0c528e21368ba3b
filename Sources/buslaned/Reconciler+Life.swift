// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import SystemServices

extension Reconciler {
    /// A claim that would end lives as long again.
    func renew(_ id: String, by actor: AuditEntry.Actor) async throws -> Claim {
        guard let before = try await ledger.claim(id) else { throw Refusal.unknownClaim(id) }
        let entry = AuditEntry.Draft("renew", subject: id, detail: before.ownerName, actor: actor)
        return try await recorded(entry) {
            guard try await ledger.renew(claim: id, bootID: bootID, sinceBoot: sinceBoot(), audit: entry) else {
                throw Refusal.notRenewable(id, hasEnded: !before.state.isHeld)
            }
            return try await ledger.claim(id) ?? before
        }
    }

    /// Gives back what nobody renewed. What a guest is running with stays until it stops.
    ///
    /// - Returns: seconds until the next look is due; nil while no claim has an end.
    func endLives() async throws -> Int? {
        let now = sinceBoot()
        let (ended, next) = try await ledger.ended(sinceBoot: now)
        let openGroups = ended.isEmpty ? [:] : try host.openGroups()
        var isKept = false
        for id in ended {
            guard let claim = try await ledger.claim(id) else { continue }
            if try use(of: claim, among: openGroups) != nil || isStarting(claim) {
                isKept = true
                continue
            }
            do {
                _ = try await release(id, by: .daemon)
                logger.notice("nobody renewed it", metadata: ["claim": "\(id)"])
            } catch {
                isKept = true
            }
        }
        // A guest that stops has its claim looked at within this time.
        return isKept ? min(30, next.map { $0 - now } ?? 30) : next.map { max(1, $0 - now) }
    }
}

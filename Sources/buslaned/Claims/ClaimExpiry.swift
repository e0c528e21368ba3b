// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Renews claims that have a lifetime, and releases those that were not renewed in time.
struct ClaimExpiry: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let use: ClaimUse
    let release: ClaimRelease
    let audit: AuditRecorder
    let permissions: Permissions
    let logger: Logger

    /// Seconds until the next check of an expired claim whose guest still runs.
    private static let pauseWhileInUse = 30

    /// Restarts the lifetimes of claims.
    ///
    /// - Throws: before the first one is renewed, a ``Refusal`` for a claim that does not exist or that the client does
    ///   not own.
    func renew(_ ids: [String], for peer: PeerCredentials) async throws -> [Claim] {
        try await permissions.mustOwn(try await ledger.existingClaims(ids), peer, to: "renew")
        var renewed: [Claim] = []
        for id in ids { renewed.append(try await renew(id, by: peer.actor)) }
        return renewed
    }

    func renew(_ id: String, by actor: AuditEntry.Actor) async throws -> Claim {
        guard let before = try await ledger.claim(id) else { throw Refusal.claim(id, .unknown) }
        let entry = AuditEntry.Draft("renew", subject: id, detail: before.ownerName, actor: actor)
        return try await audit.recorded(entry) {
            guard try await ledger.lives.renew(claim: id, bootID: boot.id, sinceBoot: boot.now, audit: entry) else {
                throw Refusal.claim(id, .notRenewable(hasEnded: !before.state.isHeld))
            }
            return try await ledger.claim(id) ?? before
        }
    }

    /// Releases claims whose lifetime is over. The claim of a running guest stays until the guest stops.
    ///
    /// - Returns: seconds until the next check is due; nil while no claim has a lifetime.
    func releaseExpired() async throws -> Int? {
        let now = boot.now
        let (ended, next) = try await ledger.lives.ended(sinceBoot: now)
        let openGroups = ended.isEmpty ? [:] : try host.openGroups()
        var isKept = false
        for id in ended {
            guard let claim = try await ledger.claim(id) else { continue }
            if try use.holder(of: claim, among: openGroups) != nil || use.isStarting(claim) {
                isKept = true
                continue
            }
            do {
                _ = try await release.release(id, by: .daemon)
                logger.notice("released: not renewed in time", metadata: ["claim": "\(id)"])
            } catch {
                isKept = true
            }
        }
        if isKept { return min(Self.pauseWhileInUse, next.map { $0 - now } ?? Self.pauseWhileInUse) }
        return next.map { max(1, $0 - now) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Whether an owner still exists.
enum Presence: Sendable {
    case there, gone
    /// Not known at present: systemd or libvirt does not answer.
    case unknown
}

/// The times since which owners are gone.
struct Absences: Sendable {
    /// How long an owner that can return may be gone, in seconds: a domain that is defined again, a unit that restarts.
    let grace: Int
    private var since: [Owner: Int] = [:]

    init(grace: Int) { self.grace = grace }

    /// - Parameters:
    ///   - found: the presence of every owner with claims.
    ///   - now: in seconds; never decreases.
    /// - Returns: the owners whose claims have to end.
    mutating func note(_ found: [Owner: Presence], now: Int) -> [Owner] {
        since = since.filter { found[$0.key] == .gone || found[$0.key] == .unknown }
        for (owner, presence) in found where presence == .gone && since[owner] == nil { since[owner] = now }
        return found.filter { owner, presence in
            guard presence == .gone, let since = since[owner] else { return false }
            // A process cannot return.
            if case .process = owner { return true }
            return now >= since + grace
        }
        .map(\.key).sorted { $0.description < $1.description }
    }
}

/// Releases the claims of owners that are gone: processes, units and domains.
struct OwnerWatch: Sendable {
    let ledger: Ledger
    let boot: Boot
    let release: ClaimRelease
    let logger: Logger

    /// The claim of a running guest stays, and is tried again at the next check.
    ///
    /// - Parameter presence: called for each owner that can vanish.
    func releaseVanished(_ absences: inout Absences, presence: (Owner) async -> Presence) async throws {
        let owners = Set(try await ledger.claims().map(\.owner).filter(\.canVanish))
        var found: [Owner: Presence] = [:]
        for owner in owners { found[owner] = await presence(owner) }
        for owner in absences.note(found, now: boot.now) {
            do {
                let ended = try await release.release(allOf: owner, by: .daemon)
                logger.notice(
                    "released: the owner is gone", metadata: ["owner": "\(owner)", "claims": "\(ended.count)"])
            } catch {
                logger.debug(
                    "the owner is gone, its claim is kept", metadata: ["owner": "\(owner)", "why": "\(error)"])
            }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Checks what a caller may do. Each refusal is recorded in the audit trail and logged.
struct Permissions: Sendable {
    let audit: AuditRecorder
    let logger: Logger

    /// - Throws: ``Refusal`` unless the caller is root.
    func mustBeRoot(_ peer: PeerCredentials, to verb: String, _ subject: String) async throws {
        try await check(peer, verb, subject) { caller throws(Refusal) in try caller.mustBeRoot(to: verb, subject) }
    }

    /// - Throws: ``Refusal`` unless the caller may claim from the pools of all these requests, with their settings.
    func mustBeAdmitted(_ peer: PeerCredentials, to requests: [ClaimRequest]) async throws {
        for request in requests {
            try await check(peer, "allocate", request.pool.name) { caller throws(Refusal) in
                try caller.mustBeAdmitted(to: request)
            }
        }
    }

    /// - Throws: ``Refusal`` unless the caller made all of these claims, or is root.
    func mustOwn(_ claims: [Claim], _ peer: PeerCredentials, to verb: String) async throws {
        for claim in claims {
            try await check(peer, verb, claim.id) { caller throws(Refusal) in try caller.mustOwn(claim, to: verb) }
        }
    }

    /// - Parameter user: the real user of the process that the owner is; nil for another owner or a process that ended.
    /// - Throws: ``Refusal`` unless the caller may act for this owner.
    func mustActFor(_ owner: OwnerName, runBy user: Int?, _ peer: PeerCredentials, to verb: String) async throws {
        try await check(peer, verb, owner.description) { caller throws(Refusal) in
            try caller.mustActFor(owner, runBy: user)
        }
    }

    /// For an XML that was not read yet.
    ///
    /// - Throws: ``Refusal`` unless the caller may change domains.
    func mustManageDomains(_ peer: PeerCredentials, to verb: String) async throws {
        try await check(peer, verb, "domains") { caller throws(Refusal) in try caller.mustManageDomains() }
    }

    /// - Throws: ``Refusal`` unless the caller may change domains.
    func mustManageDomains(_ peer: PeerCredentials, to verb: String, _ domain: String) async throws {
        try await check(peer, verb, domain) { caller throws(Refusal) in try caller.mustManageDomains(domain) }
    }

    private func check(
        _ peer: PeerCredentials, _ verb: String, _ subject: String, _ rule: (Caller) throws(Refusal) -> Void
    ) async throws {
        let caller = try peer.caller
        do {
            try rule(caller)
        } catch {
            let entry = AuditEntry.Draft(verb, subject: subject, detail: "", actor: peer.actor)
            // The log is not to grow with each try either.
            if try await audit.failed(entry, error) {
                logger.warning(
                    "not permitted", metadata: ["uid": "\(peer.uid)", "verb": "\(verb)", "subject": "\(subject)"])
            }
            throw error
        }
    }
}

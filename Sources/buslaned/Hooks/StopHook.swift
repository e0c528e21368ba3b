// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging

/// What follows a guest's stop, and libvirt's reconnect to a guest that runs.
struct StopHook: Sendable {
    let ledger: Ledger
    let boot: Boot
    let use: ClaimUse
    let readiness: ClaimReadiness
    let release: ClaimRelease
    let audit: AuditRecorder
    let logger: Logger

    /// libvirt's `release`: the guest has stopped. Claims made for one run end; those of the defined domain stay and are
    /// made ready again.
    ///
    /// Concerns the claims as they are when libvirt reports the stop. A start that overtakes it makes another generation.
    ///
    /// - Parameters:
    ///   - at: when the guest stopped, in seconds since the boot: a use that began later belongs to another start; nil for now.
    ///   - isLate: whether the report lay in the spool. It then does not concern claims that no guest had.
    func stopped(
        _ domain: Domain, reason: String, at: Int? = nil, isLate: Bool = false, by actor: AuditEntry.Actor
    ) async throws {
        let claims = try await ledger.heldClaims(of: domain).filter { claim in
            guard let use = claim.use else { return !isLate }
            return at.map { use.bootID != boot.id || use.since <= $0 } ?? true
        }
        if claims.isEmpty { return }
        try await audit.audited("hook release", subject: domain.name, detail: reason, by: actor) {
            let request = try domain.request
            let forOneRun = Set(request?.binding == .running ? request?.devices.map(\.name) ?? [] : [])
            for claim in claims {
                // The guest may have been started again meanwhile.
                guard let unused = try await use.end(of: claim) else { continue }
                if claim.assignments.allSatisfy({ forOneRun.contains($0.companionOf ?? $0.name) }) {
                    _ = try await release.release(claim.id, generation: claim.generation, by: actor)
                } else {
                    try await readiness.ready(unused, purpose: .prepare)
                }
            }
            logger.notice("guest stopped", metadata: ["domain": "\(domain.name)", "reason": "\(reason)"])
        }
    }

    /// libvirt's `reconnect`: libvirtd restarted and found the guest running. Nothing can be refused.
    func reconnected(_ domain: Domain, by actor: AuditEntry.Actor) async throws {
        let held = try await ledger.heldClaims(of: domain)
        let addresses = Set(held.flatMap(\.assignments).map(\.address))
        for device in domain.injected where !addresses.contains(device.address) {
            logger.warning(
                "a guest runs with a function that is not claimed for it",
                metadata: ["domain": "\(domain.name)", "function": "\(device.address)"])
        }
        let unused = held.filter { claim in
            claim.state == .bound
                && domain.injected.contains { device in
                    claim.assignments.contains { $0.address == device.address }
                }
        }
        _ = try await ledger.transitions.beginUse(ofClaims: unused.map(\.id), bootID: boot.id, sinceBoot: boot.now)
    }

    /// Ends the use of a domain that does not run, as its `release` would have. libvirtd never sends `release` when it
    /// is killed in `prepare`.
    ///
    /// - Parameter domain: by its inactive XML.
    /// - Returns: whether a use may be left that a later look will find over.
    @discardableResult
    func endUnreportedUse(of domain: Domain) async throws -> Bool {
        let held = try await ledger.heldClaims(of: domain).filter { $0.state == .inUse }
        if held.isEmpty { return false }
        for claim in held where try use.isInUse(claim) { return true }
        try await stopped(domain, reason: "not running", by: .daemon)
        return false
    }
}

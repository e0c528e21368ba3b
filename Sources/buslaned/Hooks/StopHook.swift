// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging

/// Handles a guest's stop, and libvirtd's reconnect to a running guest.
struct StopHook: Sendable {
    let ledger: Ledger
    let boot: Boot
    let exclusivity: StartExclusivity
    let use: ClaimUse
    let readiness: ClaimReadiness
    let release: ClaimRelease
    let audit: AuditRecorder
    let logger: Logger

    /// libvirt's `release`: the guest has stopped. Claims for one run are released; claims of the defined domain stay
    /// and are made ready again.
    ///
    /// Affects only the claims' generations at the time of the call: a new start during it begins another generation.
    ///
    /// - Parameters:
    ///   - at: when the guest stopped, in seconds since the boot; nil for now. A use that began later belongs to
    ///     another start.
    ///   - isLate: whether the report comes from the spool. It then does not affect claims that are not in use.
    func stopped(
        _ domain: Domain, reason: String, at: Int? = nil, isLate: Bool = false, by actor: AuditEntry.Actor
    ) async throws {
        if !isLate { exclusivity.end(domain) }
        let claims = try await ledger.heldClaims(of: domain).filter { claim in
            guard let use = claim.use else { return !isLate }
            return at.map { use.bootID != boot.id || use.since <= $0 } ?? true
        }
        if claims.isEmpty { return }
        try await audit.audited("hook release", subject: domain.name, detail: reason, by: actor) {
            let request = try domain.request
            let forOneRun = Set(request?.binding == .running ? request?.devices.map(\.name) ?? [] : [])
            for claim in claims {
                // nil: the guest has already started again.
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

    /// libvirt's `reconnect`: libvirtd restarted and found the guest running. The guest cannot be refused any more.
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
                && claim.assignments.contains { domain.hostdevAddresses.contains($0.address) }
        }
        _ = try await ledger.transitions.beginUse(ofClaims: unused.map(\.id), bootID: boot.id, sinceBoot: boot.now)
    }

    /// Ends the use of a domain that is off, like its `release`. libvirtd can die in `prepare` and never send
    /// `release`.
    ///
    /// - Parameter domain: the domain's inactive XML.
    /// - Returns: true when a guest may be starting or still has a device open, so that the caller has to check again.
    @discardableResult
    func endUnreportedUse(of domain: Domain) async throws -> Bool {
        let held = try await ledger.heldClaims(of: domain).filter { $0.state == .inUse }
        if held.isEmpty { return false }
        for claim in held where try use.isInUse(claim) { return true }
        try await stopped(domain, reason: "not running", by: .daemon)
        return false
    }
}

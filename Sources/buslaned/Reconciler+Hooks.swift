// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Wire

extension Reconciler {
    /// What libvirt told its hook.
    ///
    /// - Parameter isLate: it was left in the spool: whatever began since is not meant.
    func hook(
        _ call: HookRequest, about domain: Domain, isLate: Bool = false, by actor: AuditEntry.Actor
    ) async throws {
        let isOfThisBoot = call.bootID == nil || identity.bootID == nil || call.bootID == bootID
        switch call.operation {
        case "prepare": try await prepare(domain, by: actor)
        case "release" where isOfThisBoot:
            try await stopped(domain, reason: call.reason, at: call.sinceBoot, isLate: isLate, by: actor)
        case "stopped" where isOfThisBoot:
            logger.debug("guest stopped", metadata: ["domain": "\(domain.name)"])
        case "reconnect" where isOfThisBoot && !isLate: try await reconnected(domain, by: actor)
        default: break
        }
    }

    /// `release`: the guest is gone. Claims made for one run end; those of the defined domain stay, made ready anew.
    ///
    /// About the claims as they are when libvirt says so: a start that overtakes this is another generation.
    ///
    /// - Parameters:
    ///   - at: when it stopped, in seconds since the boot: a use that began later is another's. nil: now.
    ///   - isLate: told long after: what no guest had yet is not meant either.
    func stopped(
        _ domain: Domain, reason: String, at: Int? = nil, isLate: Bool = false, by actor: AuditEntry.Actor
    ) async throws {
        let claims = try await claims(of: domain).filter { claim in
            guard let use = claim.use else { return !isLate }
            return at.map { use.bootID != bootID || use.since <= $0 } ?? true
        }
        if claims.isEmpty { return }
        try await audited("hook release", subject: domain.name, detail: reason, by: actor) {
            let request = try domain.request
            let forOneRun = Set(request?.binding == .running ? request?.devices.map(\.name) ?? [] : [])
            for claim in claims {
                // The guest may have been started again since.
                guard let unused = try await endUse(of: claim) else { continue }
                if claim.assignments.allSatisfy({ forOneRun.contains($0.companionOf ?? $0.name) }) {
                    _ = try await release(claim.id, generation: claim.generation, by: actor)
                } else {
                    try await ready(unused, purpose: .prepare)
                }
            }
            logger.notice("stop noted", metadata: ["domain": "\(domain.name)", "reason": "\(reason)"])
        }
    }

    /// `reconnect`: libvirtd came back and found the guest running. A report: nothing can be refused any more.
    private func reconnected(_ domain: Domain, by actor: AuditEntry.Actor) async throws {
        let held = try await claims(of: domain)
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
        _ = try await ledger.beginUse(ofClaims: unused.map(\.id), bootID: bootID, sinceBoot: sinceBoot())
    }

    /// A domain that libvirt says does not run: what it had for a run of which nothing more was heard is settled, as its
    /// `release` would have been. That one never comes when libvirtd is killed in `prepare`.
    ///
    /// - Parameter domain: by its inactive XML.
    /// - Returns: whether something may be left that a later look will find over.
    @discardableResult
    func settleStop(of domain: Domain) async throws -> Bool {
        let held = try await claims(of: domain).filter { $0.state == .inUse }
        if held.isEmpty { return false }
        for claim in held where try isInUse(claim) { return true }
        try await stopped(domain, reason: "not running", by: .daemon)
        return false
    }

    func claims(of domain: Domain) async throws -> [Claim] {
        guard let uuid = domain.uuid else { return [] }
        return try await claims(heldBy: .domain(uuid: uuid))
    }
}

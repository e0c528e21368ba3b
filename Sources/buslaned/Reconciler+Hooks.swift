// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger

extension Reconciler {
    /// `prepare`: every device that Buslane put into the domain must be claimed for this very domain, and ready.
    ///
    /// - Throws: a ``Refusal`` that stops the start.
    func prepare(_ domain: Domain, by actor: AuditEntry.Actor) async throws {
        let name = domain.name
        try await audited("hook prepare", subject: name, detail: domain.summary, by: actor) {
            let claims = try await claims(of: domain)
            let quarantine = try await ledger.holdings().quarantine
            var concerned: [Claim] = []
            for device in domain.injected {
                // Its claim may stand, and its state be in doubt all the same: two owners in one group since a reboot.
                if let reason = quarantine[device.address] {
                    throw Refusal.quarantined(device.address, reason: reason)
                }
                guard
                    let claim = claims.first(where: { claim in
                        claim.assignments.contains { $0.name == device.name && $0.address == device.address }
                    })
                else { throw Refusal.notClaimedForDomain(device.address, device: device.name, domain: name) }
                if !concerned.contains(where: { $0.id == claim.id }) { concerned.append(claim) }
            }
            // From here on they are in use: of a release at the same time, either this or that one is refused.
            let used = try await ledger.beginUse(
                ofClaims: concerned.map(\.id), bootID: bootID, sinceBoot: sinceBoot())
            do {
                for claim in used { try await ready(claim, purpose: .prepare) }
            } catch {
                for claim in used { try await endUse(of: claim) }
                throw error
            }
            logger.notice("start prepared", metadata: ["domain": "\(name)", "devices": "\(domain.summary)"])
        }
    }

    /// `release`: the guest is gone. Claims made for one run end; those of the defined domain stay, made ready anew.
    ///
    /// About the claims as they are when libvirt says so: a start that overtakes this is another generation.
    func stopped(_ domain: Domain, reason: String, by actor: AuditEntry.Actor) async throws {
        let claims = try await claims(of: domain)
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

    /// - Returns: the claim as it is then; nil when it is another guest's by now, or ended.
    @discardableResult
    func endUse(of claim: Claim) async throws -> Claim? {
        if claim.state == .inUse {
            guard
                try await ledger.setState(.bound, ofClaim: claim.id, from: [.inUse], generation: claim.generation)
            else { return nil }
        }
        let now = try await ledger.claim(claim.id)
        return now?.state == .bound && now?.generation == claim.generation ? now : nil
    }

    /// Uses that no guest is left of: it ended with the host, or while nobody listened.
    func settleUses() async throws {
        let claims = try await ledger.claims().filter { $0.state == .inUse }
        let openGroups = claims.isEmpty ? [:] : try host.openGroups()
        for claim in claims {
            let isOver = claim.use?.bootID != bootID
            guard try isOver || (use(of: claim, among: openGroups) == nil && !isStarting(claim)) else { continue }
            try await endUse(of: claim)
            logger.notice("no guest has it any more", metadata: ["claim": "\(claim.id)"])
        }
    }

    private func claims(of domain: Domain) async throws -> [Claim] {
        guard let uuid = domain.uuid else { return [] }
        return try await ledger.claims().filter { $0.owner == .domain(uuid: uuid) && $0.state.isHeld }
    }
}

extension Domain {
    fileprivate var summary: String { injected.map { "\($0.name) \($0.address)" }.joined(separator: ", ") }
}

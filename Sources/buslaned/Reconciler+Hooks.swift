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
            for claim in concerned {
                starting.began(claim.id)
                try await ready(claim, purpose: .prepare)
            }
            logger.notice("start prepared", metadata: ["domain": "\(name)", "devices": "\(domain.summary)"])
        }
    }

    /// `release`: the guest is gone. Claims made for one run end; those of the defined domain stay, made ready anew.
    func stopped(_ domain: Domain, reason: String, by actor: AuditEntry.Actor) async throws {
        try await audited("hook release", subject: domain.name, detail: reason, by: actor) {
            let request = try domain.request
            let forOneRun = Set(request?.binding == .running ? request?.devices.map(\.name) ?? [] : [])
            for claim in try await claims(of: domain) {
                starting.ended(claim.id)
                if claim.assignments.allSatisfy({ forOneRun.contains($0.name) }) {
                    _ = try await release(claim.id, by: actor)
                } else {
                    try await ready(claim, purpose: .prepare)
                }
            }
            logger.notice("stop noted", metadata: ["domain": "\(domain.name)", "reason": "\(reason)"])
        }
    }

    private func claims(of domain: Domain) async throws -> [Claim] {
        guard let uuid = domain.uuid else { return [] }
        return try await ledger.claims().filter { $0.owner == .domain(uuid: uuid) && $0.state == .bound }
    }
}

extension Domain {
    fileprivate var summary: String { injected.map { "\($0.name) \($0.address)" }.joined(separator: ", ") }
}

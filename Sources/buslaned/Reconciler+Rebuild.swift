// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger

/// After the ledger was lost: nothing is handed out that somebody may have, until it is known who has what.
extension Reconciler {
    /// Why a function is set aside; who finds it knows that its owner is still to be found.
    static let ownerForgotten = "the ledger was lost, and nobody knows who has it"

    /// Sets aside whatever is on VFIO: to be called before anything is handed out.
    func setAsideUnaccounted(for loss: LedgerFile.Loss) async throws {
        let suspects = try host.snapshot().functions.filter(\.isOnVFIO)
        for function in suspects { try await ledger.quarantine(function.address, reason: Self.ownerForgotten) }
        let detail =
            "could not be read (\(loss.reason)) and is kept as \(loss.keptAs); "
            + "\(suspects.count) functions on VFIO are set aside"
        logger.critical("the ledger was lost", metadata: ["detail": "\(detail)"])
        try await ledger.record(.degraded, subject: "ledger", detail: detail)
        try await ledger.audit("rebuild", subject: "ledger", detail: detail, result: "done", actor: .daemon)
    }

    /// Whether functions are set aside whose owner may be found among libvirt's domains.
    func hasForgottenOwners() async throws -> Bool {
        try await ledger.quarantine().values.contains(Self.ownerForgotten)
    }

    /// Gives a domain back what its XML says that it has, as far as its owner was forgotten.
    ///
    /// - Returns: the claim; nil when nothing of it was.
    @discardableResult
    func adopt(devicesOf domain: Domain) async throws -> Claim? {
        guard let uuid = domain.uuid else { return nil }
        let forgotten = try await ledger.quarantine().filter { $0.value == Self.ownerForgotten }
        let devices = domain.injected.filter { forgotten[$0.address] != nil }
        let slots = try devices.compactMap { device -> Ledger.Draft.Slot? in
            guard var function = try host.function(at: device.address) else { return nil }
            // What it was like before, nobody knows either: when it is given back, nothing is left of its owner's.
            var settings = VFSettings(mac: device.mac, vlan: device.vlan.map { .id($0) })
            if let virtual = function.virtualFunction, let enforced = function.vfSettings {
                settings = settings.filled(from: enforced)
                function.vfSettings = VFSettings.untouched.restoring(enforced)
                function.vfSettings?.mac = identity.machineID.flatMap { .stable(for: virtual, machineID: $0) }
            }
            return Ledger.Draft.Slot(function: function, settings: settings, name: device.name)
        }
        guard !slots.isEmpty else { return nil }
        let request = ClaimRequest(
            pool: Pool(name: try poolName(of: domain, slots), selector: Selector()), count: slots.count,
            owner: .domain(uuid: uuid), ownerName: domain.name)
        let entry = AuditEntry.Draft(
            "rebuild", subject: domain.name, detail: slots.map(\.function.address.description).joined(separator: ", "),
            actor: .daemon)
        let claim = try await ledger.allocate(bootID: bootID, audit: entry) { _ in
            Ledger.Draft(request: request, slots: slots, isReady: true)
        }
        for slot in slots {
            try await ledger.liftQuarantine(
                of: slot.function.address, detail: "domain \(domain.name) has it, by its XML: claim \(claim.id)")
        }
        logger.notice("owner found", metadata: ["claim": "\(claim.id)", "domain": "\(domain.name)"])
        return claim
    }

    /// The pool that the domain's own request names for its devices.
    private func poolName(of domain: Domain, _ slots: [Ledger.Draft.Slot]) throws -> String {
        let names = Set(slots.compactMap(\.name))
        return try domain.request?.devices.first { names.contains($0.name) }?.pool ?? "unknown"
    }
}

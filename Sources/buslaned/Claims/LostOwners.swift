// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging

/// Finds the owners of functions again after a loss of the ledger. A function whose owner is unknown is in quarantine.
struct LostOwners: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let logger: Logger

    /// The reason of the quarantine. It marks the functions whose owner is still unknown.
    static let reason = "the ledger was lost, and nobody knows who has it"

    /// Puts every function on VFIO into quarantine. Runs before the first allocation.
    func quarantineUnaccounted(for loss: LedgerFile.Loss) async throws {
        let suspects = try host.snapshot().functions.filter(\.isOnVFIO)
        for function in suspects { try await ledger.quarantine(function.address, reason: Self.reason) }
        let detail =
            "could not be read (\(loss.reason)) and is kept as \(loss.keptAs); "
            + "\(suspects.count) functions on VFIO are in quarantine"
        logger.critical("the ledger was lost", metadata: ["detail": "\(detail)"])
        try await ledger.record(.degraded, subject: "ledger", detail: detail)
        try await ledger.audit("rebuild", subject: "ledger", detail: detail, result: "done", actor: .daemon)
    }

    /// Whether functions with unknown owners remain.
    func areMissing() async throws -> Bool {
        try await ledger.quarantine().values.contains(Self.reason)
    }

    /// Claims for a domain the functions that its XML names and whose owner was lost.
    ///
    /// - Returns: the claim; nil when the domain names none of them.
    @discardableResult
    func adopt(devicesOf domain: Domain) async throws -> Claim? {
        guard let uuid = domain.uuid else { return nil }
        let lost = try await ledger.quarantine().filter { $0.value == Self.reason }
        let slots = try domain.injected.filter { lost[$0.address] != nil }.compactMap(slot)
        guard !slots.isEmpty else { return nil }
        let request = ClaimRequest(
            pool: Pool(name: try poolName(of: domain, slots), selector: Selector()), count: slots.count,
            owner: .domain(uuid: uuid), ownerName: domain.name)
        let entry = AuditEntry.Draft(
            "rebuild", subject: domain.name, detail: slots.map(\.function.address.description).joined(separator: ", "),
            actor: .daemon)
        let claim = try await ledger.allocate(bootID: boot.id, audit: entry) { _ in
            ClaimDraft(request: request, slots: slots, isReady: true)
        }
        for slot in slots {
            try await ledger.liftQuarantine(
                of: slot.function.address, detail: "domain \(domain.name) has it, by its XML: claim \(claim.id)")
        }
        logger.notice("owner found", metadata: ["claim": "\(claim.id)", "domain": "\(domain.name)"])
        return claim
    }

    /// The original state is lost too. So a release removes all settings of the owner.
    private func slot(for device: InjectedDevice) throws -> ClaimDraft.Slot? {
        guard var function = try host.function(at: device.address) else { return nil }
        var settings = VFSettings(mac: device.mac, vlan: device.vlan.map { .id($0) })
        if let virtual = function.virtualFunction, let enforced = function.vfSettings {
            settings = settings.filled(from: enforced)
            function.vfSettings = VFSettings.untouched.restoring(enforced)
            function.vfSettings?.mac = boot.identity.machineID.flatMap { .stable(for: virtual, machineID: $0) }
        }
        return ClaimDraft.Slot(
            function: function, settings: settings, numaNode: try host.lastSeen().node(of: function), name: device.name,
            card: try host.cardIdentity(at: device.address))
    }

    /// The pool of these devices in the domain's request.
    private func poolName(of domain: Domain, _ slots: [ClaimDraft.Slot]) throws -> String {
        let names = Set(slots.compactMap(\.name))
        return try domain.request?.devices.first { names.contains($0.name) }?.pool ?? "unknown"
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging
import Synchronization

/// Finds the owners of functions again that the ledger does not know: after its loss, and at a first start.
struct LostOwners: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let logger: Logger
    private let search = OwnerSearch()

    init(host: any Host, ledger: Ledger, boot: Boot, logger: Logger) {
        (self.host, self.ledger, self.boot, self.logger) = (host, ledger, boot, logger)
    }

    /// Puts every function on VFIO into quarantine, unless the ledger has the past. Runs before the first allocation.
    func quarantineUnaccounted(after past: LedgerFile.Past) async throws {
        let reason: UnknownOwner
        switch past {
        case .recorded: return
        case .lost: reason = .ledgerLost
        case .unknown: reason = .beforeLedger
        }
        search.begin()
        let suspects = try host.snapshot().functions.filter(\.isOnVFIO)
        for function in suspects { try await ledger.quarantine(function.address, reason: reason.rawValue) }
        let count = "\(suspects.count) functions on VFIO are in quarantine"
        if case .lost(let loss) = past {
            let detail = loss.reason + (loss.keptAs.map { ", and is kept as \($0)" } ?? "") + "; " + count
            logger.critical("the ledger was lost", metadata: ["detail": "\(detail)"])
            try await ledger.record(.degraded, subject: "ledger", detail: detail)
            try await ledger.audit("rebuild", subject: "ledger", detail: detail, result: "done", actor: .daemon)
        } else if !suspects.isEmpty {
            logger.warning(
                "a new ledger: it does not know who has the functions that are on VFIO",
                metadata: ["detail": "\(count)", "fix": "buslane recover ADDRESS, for each that nobody has"])
            try await ledger.audit("begin", subject: "ledger", detail: count, result: "done", actor: .daemon)
        }
    }

    /// Whether owners are to be looked for among libvirt's domains.
    func areMissing() async throws -> Bool {
        if search.isOn { return true }
        return try await ledger.quarantine().values.contains(where: UnknownOwner.isReason)
    }

    /// All domains were looked at.
    func endSearch() { search.end() }

    /// After a loss or at a first start, a device with Buslane's marks is a trace of an earlier ledger: nobody else gets
    /// its function. The XML may be of another host, so the function is not taken for the domain.
    private func quarantine(namedBy domain: Domain) async throws {
        guard search.isOn, !domain.injected.isEmpty else { return }
        let held = try await ledger.holdings()
        for address in domain.injected.map(\.address)
        where held.claims[address] == nil && held.quarantine[address] == nil {
            guard try host.function(at: address) != nil else { continue }
            try await ledger.quarantine(address, reason: UnknownOwner.namedByDomain.rawValue)
        }
    }

    /// Claims for a domain the functions that its XML names and whose owner was lost.
    ///
    /// - Returns: the claim; nil when the domain names none of them.
    @discardableResult
    func adopt(devicesOf domain: Domain) async throws -> Claim? {
        guard let uuid = domain.uuid else { return nil }
        try await quarantine(namedBy: domain)
        let lost = try await ledger.quarantine().filter { UnknownOwner.isReason($0.value) }
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
        guard var function = try host.function(at: device.address), !function.isOnHostDriver else { return nil }
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

/// Why nobody knows who has a function. The text is the reason of its quarantine.
enum UnknownOwner: String, CaseIterable {
    case ledgerLost = "the ledger was lost, and nobody knows who has it"
    case beforeLedger = "it was on VFIO before Buslane began its ledger, and nobody knows who has it"
    case namedByDomain = "a domain has it by its XML, and the ledger does not know of it"

    static func isReason(_ reason: String) -> Bool { UnknownOwner(rawValue: reason) != nil }
}

/// Whether libvirt's domains have still to be looked at since a loss of the ledger.
private final class OwnerSearch: Sendable {
    private let state = Mutex(false)

    var isOn: Bool { state.withLock(\.self) }
    func begin() { state.withLock { $0 = true } }
    func end() { state.withLock { $0 = false } }
}

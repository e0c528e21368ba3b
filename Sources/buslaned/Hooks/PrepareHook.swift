// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Logging

/// Prepares a guest's start: libvirt's `prepare`.
///
/// Claims the devices that the domain requests for one run, checks that every device of Buslane's in its XML is claimed
/// for this domain and that no other function of it is somebody else's, and makes the claimed ones ready. Never calls
/// libvirt, because libvirt waits for the hook.
struct PrepareHook: Sendable {
    let host: any Host
    let ledger: Ledger
    let requests: DomainRequests
    let candidates: CandidateSelection
    let allocator: ClaimAllocator
    let release: ClaimRelease
    let use: ClaimUse
    let exclusivity: StartExclusivity
    let audit: AuditRecorder
    let logger: Logger

    /// - Throws: a ``Refusal``, which stops the start. No new claim is left then.
    func prepare(_ domain: Domain, by actor: AuditEntry.Actor) async throws {
        let entry = AuditEntry.Draft("hook prepare", subject: domain.name, detail: domain.summary, actor: actor)
        try await audit.recorded(entry) {
            do {
                try await prepare(domain, entry)
            } catch {
                exclusivity.end(domain)
                throw error
            }
        }
    }

    /// Records a start that the hook let pass while no daemon answered, and what it took from others.
    ///
    /// The guest runs already, or ran in an earlier boot. It cannot be refused any more.
    func passedUnasked(_ domain: Domain, isOfThisBoot: Bool) async throws {
        let named = domain.hostdevAddresses.map(\.description).joined(separator: ", ")
        let conflicts = isOfThisBoot ? try await exclusivity.obstacles(to: domain) : []
        for conflict in conflicts {
            try await ledger.record(
                .degraded, subject: "\(conflict.report.subject)",
                detail: "domain \(domain.name) started with it while no daemon ran: \(conflict.message)")
        }
        logger.log(
            level: conflicts.isEmpty ? .warning : .error, "a guest started unchecked, because no daemon ran",
            metadata: ["domain": "\(domain.name)", "functions": "\(named)", "conflicts": "\(conflicts.count)"])
        try await ledger.audit(
            "hook prepare", subject: domain.name, detail: named,
            result: "passed unchecked: no daemon ran" + conflicts.map { "; \($0.message)" }.joined(), actor: .daemon)
    }

    private func prepare(_ domain: Domain, _ entry: AuditEntry.Draft) async throws {
        let actor = entry.actor
        // 1. Read what the domain has and what it requests.
        let request = try domain.request
        let held = try await ledger.heldClaims(of: domain)
        let having =
            try await claims(amongst: held, havingDevicesOf: domain)
            + (try await exclusivity.begin(domain, held: held))
        let named = Set(domain.foreign.map(\.address))
        try refuseOtherThanRequested(having, domain, request)
        let sorted = try sort(try missing(of: domain, request), of: domain, request, having: held, by: actor)
        // 2. Refuse what can be refused before any change.
        let known = (having + sorted.reused).flatMap(\.assignments)
        try refuseMisaligned(domain, request, known.map { ($0.name, $0.numaNode) })
        let start = ClaimAllocator.Start(entry: entry, named: named) { candidates in
            try refuseMisaligned(domain, request, candidates.flatMap(\.nodes))
        }
        if !(having + sorted.reused + sorted.outdated).isEmpty, !sorted.wanted.isEmpty {
            try await candidates.foresee(
                sorted.wanted, for: .starting, leaving: sorted.outdated, besides: named, accept: start.accept)
        }
        // 3. Make the changes.
        for claim in sorted.outdated {
            try await use.end(of: claim)
            _ = try await release.release(claim.id, by: actor)
        }
        // No guest of this domain is running: libvirt calls `prepare` only before a start.
        let used = try await use.begin(having + sorted.reused)
        let new = try await claim(sorted.wanted, for: start, besides: used, by: actor)
        let claimed = (sorted.reused + new).flatMap(\.assignments).map { "\($0.name) \($0.address)" }
        logger.notice(
            "start prepared",
            metadata: [
                "domain": "\(domain.name)", "devices": "\(domain.summary)",
                "claimed": "\(claimed.joined(separator: ", "))",
            ])
    }

    /// - Parameter used: the claims that are already in use for this start. Their use ends when this fails.
    private func claim(
        _ wanted: [ClaimRequest], for start: ClaimAllocator.Start, besides used: [Claim], by actor: AuditEntry.Actor
    ) async throws -> [Claim] {
        do {
            guard wanted.isEmpty else { return try await allocator.allocate(all: wanted, for: start, by: actor) }
            try await ledger.audit(start.entry)
            return []
        } catch {
            for claim in used { try await use.end(of: claim) }
            throw error
        }
    }

    // MARK: - Deciding

    /// The requested devices that the domain's XML does not have.
    ///
    /// - Throws: ``Refusal/requestWithoutDevices(domain:devices:)`` when they should be in the persistent XML.
    private func missing(of domain: Domain, _ request: DomainRequest?) throws -> [DomainRequest.Device] {
        let present = Set(domain.injected.map(\.name)).union(try domain.takenOut)
        let missing = request?.devices.filter { !present.contains($0.name) } ?? []
        if request?.binding == .defined, !missing.isEmpty {
            throw Refusal.domain(domain.name, .requestWithoutDevices(devices: missing.map(\.name)))
        }
        return missing
    }

    /// If a device's node is required, the guest's vCPUs and memory must be on that node, as far as the domain XML
    /// places them.
    ///
    /// - Parameter devices: the devices' names and nodes.
    private func refuseMisaligned(
        _ domain: Domain, _ request: DomainRequest?, _ devices: [(name: String, node: Int?)]
    ) throws {
        let strict = (request?.devices ?? []).filter { device in
            if case .required = device.numa ?? request?.numa { true } else { false }
        }
        let nodes = devices.compactMap { name, node in
            strict.contains { $0.name == name } ? node.map { DeviceNode(name: name, node: $0) } : nil
        }
        guard !nodes.isEmpty else { return }
        let conflicts = try domain.placement.misalignments(of: nodes, on: try host.numaNodes())
            .filter(\.isConflict)
        if !conflicts.isEmpty { throw MisalignedDomain(conflicts) }
    }

    /// The claims of the devices that Buslane added to the domain's XML.
    private func claims(amongst held: [Claim], havingDevicesOf domain: Domain) async throws -> [Claim] {
        try await use.refuseQuarantined(domain.injected.map(\.address), of: held)
        var having: [Claim] = []
        for device in domain.injected {
            guard
                let claim = held.first(where: { claim in
                    claim.assignments.contains { $0.name == device.name && $0.address == device.address }
                })
            else {
                if let refusal = held.refusal(ofMoved: device, in: domain) { throw refusal }
                throw Refusal.function(device.address, .notClaimedForDomain(device: device.name, domain: domain.name))
            }
            if !having.contains(where: { $0.id == claim.id }) { having.append(claim) }
        }
        return having
    }

    /// A claim must give its devices what the XML requests for them: a guest in another VLAN sees others' traffic.
    private func refuseOtherThanRequested(
        _ claims: [Claim], _ domain: Domain, _ request: DomainRequest?
    ) throws(Refusal) {
        for device in request?.devices ?? [] {
            try claims.first { $0.has(device: device.name) }?.mustServe(device, in: request, of: domain.name)
        }
    }

    /// The devices that a domain requests for one run: by existing claims that fit, existing claims that no longer fit,
    /// and requests for new claims.
    private struct Sorted {
        /// Claims of an earlier start that libvirtd did not complete. They are used again.
        var reused: [Claim] = []
        var outdated: [Claim] = []
        var wanted: [ClaimRequest] = []
    }

    private func sort(
        _ devices: [DomainRequest.Device], of domain: Domain, _ request: DomainRequest?, having held: [Claim],
        by actor: AuditEntry.Actor
    ) throws -> Sorted {
        var sorted = Sorted()
        for device in devices {
            let earlier = held.first { claim in claim.assignments.contains { $0.name == device.name } }
            let wanted = try requests.claimRequest(for: device, in: request, of: domain, uid: actor.uid)
            if let earlier, earlier.lacks(for: device, in: request).isEmpty,
                try candidates.settings(of: device.name, in: earlier, for: wanted) == nil
            {
                sorted.reused.append(earlier)
            } else {
                if let earlier { sorted.outdated.append(earlier) }
                sorted.wanted.append(wanted)
            }
        }
        return sorted
    }
}

extension CandidateSelection.Candidate {
    /// The names of the devices in the domain, and their nodes.
    fileprivate var nodes: [(name: String, node: Int?)] {
        draft.slots.compactMap { slot in
            guard slot.companionOf == nil, let name = slot.name ?? draft.request.deviceName else { return nil }
            return (name, slot.numaNode)
        }
    }
}

extension [Claim] {
    /// The refusal of a device whose claim has another function now; nil if none has the device.
    fileprivate func refusal(ofMoved device: InjectedDevice, in domain: Domain) -> Refusal? {
        for claim in self {
            guard let own = claim.assignments.first(where: { $0.name == device.name }) else { continue }
            if own.isParked { return .claim(claim.id, .cardAway) }
            guard own.formers.contains(device.address) else { return nil }
            return .function(
                device.address, .claimHasMoved(device: device.name, domain: domain.name, to: own.address))
        }
        return nil
    }
}

extension Domain {
    fileprivate var summary: String {
        (injected.map { "\($0.name) \($0.address)" } + foreign.map(\.address.description)).joined(separator: ", ")
    }
}

extension Ledger {
    /// The claims of a domain whose functions are its own and ready.
    func heldClaims(of domain: Domain) async throws -> [Claim] {
        guard let uuid = domain.uuid else { return [] }
        return try await claims(of: .domain(uuid: uuid)).filter(\.state.isHeld)
    }
}

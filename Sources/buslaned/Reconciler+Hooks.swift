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

    /// `prepare`: what the domain asks for at each start is claimed; every device that Buslane put into it must be
    /// claimed for this very domain; and all of them are ready.
    ///
    /// - Throws: a ``Refusal`` that stops the start, with nothing claimed that was not before.
    func prepare(_ domain: Domain, by actor: AuditEntry.Actor) async throws {
        let name = domain.name
        let entry = AuditEntry.Draft("hook prepare", subject: name, detail: domain.summary, actor: actor)
        try await recorded(entry) {
            let request = try domain.request
            let present = Set(domain.injected.map(\.name)).union(try domain.takenOut)
            let missing = request?.devices.filter { !present.contains($0.name) } ?? []
            if request?.binding == .defined, !missing.isEmpty {
                throw Refusal.requestWithoutDevices(domain: name, devices: missing.map(\.name))
            }
            let held = try await claims(of: domain)
            let concerned = try await claims(amongst: held, havingDevicesOf: domain)
            let (reused, wanted) = try await sorted(missing, for: domain, request, having: held, by: actor)
            let known = (concerned + reused).flatMap(\.assignments)
            try refuseMisaligned(domain, request, known.map { ($0.name, $0.numaNode) })
            // No guest of this domain runs, or its hook would not be called.
            let used = try await takeIntoUse(concerned + reused)
            var new: [Claim] = []
            do {
                if wanted.isEmpty {
                    try await ledger.audit(entry)
                } else {
                    let start = Start(entry: entry) { try refuseMisaligned(domain, request, $0.flatMap(\.nodes)) }
                    new = try await allocate(all: wanted, for: start, by: actor)
                }
            } catch {
                for claim in used { try await endUse(of: claim) }
                throw error
            }
            let added = (reused + new).flatMap(\.assignments).map { "\($0.name) \($0.address)" }
            logger.notice(
                "start prepared",
                metadata: [
                    "domain": "\(name)", "devices": "\(domain.summary)",
                    "claimed": "\(added.joined(separator: ", "))",
                ])
        }
    }

    /// Where a device's node is required, the guest's processors and memory are to be there as well, so far as the domain
    /// says where they are.
    ///
    /// - Parameter devices: by name, with their nodes.
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
        let conflicts = try domain.placement.misalignments(of: nodes, on: try host.snapshot().numaNodes)
            .filter(\.isConflict)
        if !conflicts.isEmpty { throw DomainXMLError.misaligned(conflicts) }
    }

    /// The claims that have the devices which Buslane put into the domain.
    private func claims(amongst held: [Claim], havingDevicesOf domain: Domain) async throws -> [Claim] {
        try await refuseQuarantined(domain.injected.map(\.address))
        var concerned: [Claim] = []
        for device in domain.injected {
            guard
                let claim = held.first(where: { claim in
                    claim.assignments.contains { $0.name == device.name && $0.address == device.address }
                })
            else { throw Refusal.notClaimedForDomain(device.address, device: device.name, domain: domain.name) }
            if !concerned.contains(where: { $0.id == claim.id }) { concerned.append(claim) }
        }
        return concerned
    }

    /// Of what a domain asks for in one run, what it has and what is to be claimed.
    ///
    /// What it has already stays: libvirt may have ended in the middle of an earlier start.
    private func sorted(
        _ devices: [DomainRequest.Device], for domain: Domain, _ request: DomainRequest?, having held: [Claim],
        by actor: AuditEntry.Actor
    ) async throws -> (reused: [Claim], wanted: [ClaimRequest]) {
        var reused: [Claim] = []
        var wanted: [ClaimRequest] = []
        for device in devices {
            let earlier = held.first { claim in claim.assignments.contains { $0.name == device.name } }
            let request = try claimRequest(for: device, in: request, of: domain, uid: actor.uid)
            guard let earlier else {
                wanted.append(request)
                continue
            }
            if earlier.pool == device.pool, try settings(of: device.name, in: earlier, for: request) == nil {
                reused.append(earlier)
                continue
            }
            try await endUse(of: earlier)
            _ = try await release(earlier.id, by: actor)
            wanted.append(request)
        }
        return (reused, wanted)
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

    private func claims(of domain: Domain) async throws -> [Claim] {
        guard let uuid = domain.uuid else { return [] }
        return try await claims(heldBy: .domain(uuid: uuid))
    }
}

extension Ledger.Draft {
    /// What the domain calls its devices, and their nodes.
    fileprivate var nodes: [(name: String, node: Int?)] {
        slots.compactMap { slot in
            guard slot.companionOf == nil, let name = slot.name ?? request.deviceName else { return nil }
            return (name, slot.function.numaNode)
        }
    }
}

extension Domain {
    fileprivate var summary: String { injected.map { "\($0.name) \($0.address)" }.joined(separator: ", ") }
}

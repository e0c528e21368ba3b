// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger

/// What comes before a guest's start.
extension Reconciler {
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
            let (reused, outdated, wanted) = try sorted(missing, for: domain, request, having: held, by: actor)
            let known = (concerned + reused).flatMap(\.assignments)
            try refuseMisaligned(domain, request, known.map { ($0.name, $0.numaNode) })
            let start = Start(entry: entry) { try refuseMisaligned(domain, request, $0.flatMap(\.nodes)) }
            if !(concerned + reused + outdated).isEmpty, !wanted.isEmpty {
                try await foresee(wanted, for: start, without: outdated)
            }
            for claim in outdated {
                try await endUse(of: claim)
                _ = try await release(claim.id, by: actor)
            }
            // No guest of this domain runs, or its hook would not be called.
            let used = try await takeIntoUse(concerned + reused)
            var new: [Claim] = []
            do {
                if wanted.isEmpty {
                    try await ledger.audit(entry)
                } else {
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

    /// Of what a domain asks for in one run, what it has, what it has otherwise than it asks for now, and what is to be claimed.
    ///
    /// What it has already stays: libvirt may have ended in the middle of an earlier start.
    private func sorted(
        _ devices: [DomainRequest.Device], for domain: Domain, _ request: DomainRequest?, having held: [Claim],
        by actor: AuditEntry.Actor
    ) throws -> (reused: [Claim], outdated: [Claim], wanted: [ClaimRequest]) {
        var (reused, outdated, wanted): ([Claim], [Claim], [ClaimRequest]) = ([], [], [])
        for device in devices {
            let earlier = held.first { claim in claim.assignments.contains { $0.name == device.name } }
            let request = try claimRequest(for: device, in: request, of: domain, uid: actor.uid)
            if let earlier, earlier.pool == device.pool,
                try settings(of: device.name, in: earlier, for: request) == nil
            {
                reused.append(earlier)
            } else {
                if let earlier { outdated.append(earlier) }
                wanted.append(request)
            }
        }
        return (reused, outdated, wanted)
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

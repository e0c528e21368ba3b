// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger

/// From what a domain asks for to claims, and from claims to its devices.
extension DomainService {
    /// One device for each function that the domain holds, after its request was allocated: all of it or nothing.
    ///
    /// - Parameter names: of the request's devices, those to allocate; nil for all.
    func devices(
        for domain: Domain, only names: Set<String>? = nil, by peer: PeerCredentials
    ) async throws -> [DeviceSpec] {
        let (held, made) = try await claims(for: domain, only: names, by: peer)
        return try domain.devices(for: (held + made).flatMap(\.assignments), try domain.request)
    }

    /// What the domain holds, and what was claimed now of what its request asks for.
    func claims(
        for domain: Domain, only names: Set<String>? = nil, by peer: PeerCredentials
    ) async throws -> (held: [Claim], made: [Claim]) {
        let request = try domain.request
        guard let uuid = domain.uuid else {
            guard request == nil else { throw Refusal.domainWithoutUUID(domain.name) }
            return ([], [])
        }
        let held = try await reconciler.claims(heldBy: .domain(uuid: uuid))
        let missing = request?.devices.filter { device in
            names?.contains(device.name) != false && !held.contains { $0.has(device: device.name) }
        }
        let wanted = try (missing ?? []).map { device in
            try reconciler.claimRequest(for: device, in: request, of: domain, uid: Int(peer.uid))
        }
        for request in wanted {
            try await reconciler.permitted("allocate", request.pool.name, to: peer) { caller throws(Refusal) in
                try caller.mustBeAdmitted(to: request.pool)
            }
        }
        return (held, wanted.isEmpty ? [] : try await reconciler.allocate(all: wanted, by: peer.actor))
    }

    /// What the domain could not be put near of what it would get now is not claimed, only to be given back, at each look
    /// again.
    func refuseFarAway(
        _ requests: [ClaimRequest], besides claims: [Claim], of domain: Domain, _ request: DomainRequest?
    ) async throws {
        guard request?.align == .auto, !requests.isEmpty,
            // Why it cannot be had the claim itself tells.
            let placed = try await reconciler.foreseen(requests)
        else { return }
        let names = (request?.devices ?? []).map(\.name)
        let known = try domain.devices(for: claims.flatMap { $0.assignments(for: names) }, request)
        let coming = try zip(requests, placed).compactMap { request, functions in
            try functions.first.map {
                try DeviceSpec(
                    address: $0.address, kind: .hostdev, name: request.deviceName, alignedTo: $0.numaNode)
            }
        }
        _ = try adding(known + coming, to: domain, request)
    }

    /// The domain's XML with these devices, and its vCPUs and memory near them where it asks for that.
    func adding(_ devices: [DeviceSpec], to domain: Domain, _ request: DomainRequest?) throws -> String {
        guard request?.align == .auto else { return try domain.adding(devices) }
        let nodes = devices.compactMap { device in device.alignedTo.map { DeviceNode(name: device.name, node: $0) } }
        let hostNodes = try reconciler.host.lastSeen().numaNodes
        let aligned = try Domain(parsing: try domain.aligned(to: nodes, on: hostNodes))
        // Bound to a node that has too few, it would not start. What is bound already was counted then.
        let placement = try aligned.placement
        if placement != (try domain.placement), let short = placement.hugepageShortages(on: hostNodes).first {
            throw Refusal.domain(
                domain.name, .tooFewHugepages(shortage: short.description, remedy: short.remedy))
        }
        return try aligned.adding(devices)
    }
}

extension Domain {
    /// The devices that these assignments are in the domain.
    func devices(for assignments: [Assignment], _ request: DomainRequest?) throws -> [DeviceSpec] {
        try assignments.map { assignment in
            let device = request?.devices.first { $0.name == assignment.name }
            return try DeviceSpec(
                assignment, failover: device?.failover,
                alignedTo: request?.align == .auto ? assignment.numaNode : nil)
        }
    }
}

extension DeviceSpec {
    /// A VF of a network card is an interface, whose MAC and VLAN libvirt knows; all else is a plain hostdev.
    ///
    /// So is a VF whose tag has a priority or is a provider's: libvirt knows of neither, and would set a plain one.
    init(_ assignment: Assignment, failover: String? = nil, alignedTo node: Int? = nil) throws(MalformedValue) {
        var vlan: VLANID?
        var isInterface = assignment.isNetwork && assignment.virtualFunction != nil
        if case .tag(let tag)? = assignment.settings.vlan {
            vlan = tag.id
            if tag != VLANTag(tag.id) { isInterface = false }
        }
        try self.init(
            address: assignment.address, kind: isInterface ? .interface : .hostdev, mac: assignment.settings.mac,
            vlan: vlan, name: assignment.name, failover: failover, companionOf: assignment.companionOf, alignedTo: node)
    }
}

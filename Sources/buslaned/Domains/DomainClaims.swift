// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger

/// From what a domain asks for to claims, and from claims to its devices.
struct DomainClaims: Sendable {
    let host: any Host
    let ledger: Ledger
    let requests: DomainRequests
    let candidates: CandidateSelection
    let allocator: ClaimAllocator
    let permissions: Permissions

    /// The claims that a domain holds.
    func held(by uuid: String) async throws -> [Claim] {
        try await ledger.claims(of: .domain(uuid: uuid)).filter(\.state.isHeld)
    }

    /// Claims what the domain's request asks for and the domain does not hold yet: all of it or nothing.
    ///
    /// - Parameter names: of the request's devices, those to claim; nil for all.
    /// - Returns: what the domain held, and what was claimed now.
    /// - Throws: a ``Refusal`` for a held claim that does not serve the request, before anything is claimed.
    func claims(
        for domain: Domain, only names: Set<String>? = nil, by peer: PeerCredentials
    ) async throws -> (held: [Claim], made: [Claim]) {
        let request = try domain.request
        guard let uuid = domain.uuid else {
            guard request == nil else { throw Refusal.domain(domain.name, .withoutUUID) }
            return ([], [])
        }
        let held = try await self.held(by: uuid)
        var wanted: [ClaimRequest] = []
        for device in request?.devices ?? [] where names?.contains(device.name) != false {
            let new = try requests.claimRequest(for: device, in: request, of: domain, uid: Int(peer.uid))
            if let claim = held.first(where: { $0.has(device: device.name) }) {
                try refuse(claim, unlessAs: new, for: device, in: request, of: domain)
            } else {
                wanted.append(new)
            }
        }
        let devices = held.flatMap(\.assignments).filter { names?.contains($0.name) != false }.count + wanted.count
        guard devices <= DeviceName.most else {
            throw Refusal.domain(domain.name, .tooManyDevices(devices, limit: DeviceName.most))
        }
        try await permissions.mustBeAdmitted(peer, to: wanted)
        return (held, wanted.isEmpty ? [] : try await allocator.allocate(all: wanted, by: peer.actor))
    }

    /// Refuses a claim that has a device of the request, and not as a new claim would have it: from another pool, with
    /// another NUMA policy, or with other settings.
    private func refuse(
        _ claim: Claim, unlessAs new: ClaimRequest, for device: DomainRequest.Device, in request: DomainRequest?,
        of domain: Domain
    ) throws {
        try claim.mustServe(device, in: request, of: domain.name)
        guard let wanted = try candidates.settings(of: device.name, in: claim, for: new) else { return }
        let present = claim.assignments.first { $0.name == device.name }?.settings ?? VFSettings()
        let lacking = wanted.difference(from: present).description
        throw Refusal.claim(
            claim.id, .differsFromRequest(device: device.name, domain: domain.name, lacking: [lacking]))
    }

    /// Refuses requests whose functions the domain could not be aligned to, before they are claimed. Otherwise each look
    /// at the domain would claim and release them again.
    ///
    /// - Parameters:
    ///   - claims: those that the domain holds besides.
    ///   - isRunning: whether its guest runs.
    func refuseFarAway(
        _ requests: [ClaimRequest], besides claims: [Claim], of domain: Domain, _ request: DomainRequest?,
        isRunning: Bool
    ) async throws {
        guard request?.align == .auto, !requests.isEmpty,
            // Requests that cannot be met are refused when they are claimed, with the reason.
            let placed = try await candidates.foreseen(requests)
        else { return }
        let names = (request?.devices ?? []).map(\.name)
        let known = try domain.devices(for: claims.flatMap { $0.assignments(for: names) }, request)
        let coming = try zip(requests, placed).compactMap { request, functions in
            try functions.first.map {
                try DeviceSpec(
                    address: $0.address, kind: .hostdev, name: request.deviceName, alignedTo: $0.numaNode)
            }
        }
        _ = try adding(known + coming, to: domain, request, isRunning: isRunning)
    }

    /// The domain with these devices, and with its vCPUs and memory near them where its request asks for that.
    ///
    /// - Parameter isRunning: whether its guest runs, and so has its memory already.
    func adding(
        _ devices: [DeviceSpec], to domain: Domain, _ request: DomainRequest?, isRunning: Bool
    ) throws -> Domain {
        guard request?.align == .auto else { return try domain.adding(devices) }
        return try domain.addingAligned(devices, on: try host.numaNodes(), isRunning: isRunning)
    }
}

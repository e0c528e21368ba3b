// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

/// What has to be done until a domain's persistent XML has what its request asks for, and nothing that it asked for
/// before and does not any more.
///
/// Pure. What Buslane put in is known from the record in the domain's metadata; what is in the XML otherwise is its
/// owner's, and what they took out or moved stays so until the request changes.
struct BindingPlan: Equatable {
    /// In the persistent XML, or to be put there; in the request's order.
    var wanted: [DomainRequest.Device] = []
    /// Of those, what nothing is claimed for.
    var unclaimed: [DomainRequest.Device] = []
    /// Of those, what is claimed and asks for other settings now.
    var changed: [Change] = []
    /// Of those, what is claimed elsewhere than it asks for now.
    var replaced: [Change] = []
    /// Devices that Buslane put in and nobody asks for any more.
    var removed: Set<String> = []
    /// Claims that nobody asks for any more.
    var released: [Claim] = []
    /// Devices that Buslane put in and the domain's owner took out.
    var leftOut: Set<String> = []
    /// Devices that the domain's owner gave another function.
    var moved: [InjectedDevice] = []

    struct Change: Equatable {
        let claim: Claim
        let device: DomainRequest.Device
    }

    /// - Parameters:
    ///   - request: nil also where its devices are not to be in the persistent XML.
    ///   - injected: what the persistent XML has of Buslane's.
    ///   - record: what Buslane put in, as it wrote it down in the same breath.
    ///   - claims: those that the domain holds.
    ///   - kept: devices of a guest that runs, whose claims are needed without being in the persistent XML.
    ///   - ended: such devices whose guest does not run.
    init(
        request: DomainRequest?, injected: [InjectedDevice], record: [DomainAssignment.Device], claims: [Claim],
        keeping kept: Set<String> = [], ending ended: Set<String> = []
    ) {
        let present = Dictionary(injected.map { ($0.name, $0) }) { first, _ in first }
        let recorded = Dictionary(record.map { ($0.name, $0) }) { first, _ in first }
        for device in request?.devices ?? [] {
            let claim = claims.first { $0.has(device: device.name) }
            let before = recorded[device.name]
            let isAsAskedBefore = before?.asked == request?.asked(of: device)
            guard let before, isAsAskedBefore else {
                wanted.append(device)
                // Without a record, what somebody claimed by hand serves as it is.
                take(device, claim, asIs: before == nil && claim?.uid != nil, request)
                continue
            }
            guard let there = present[device.name] else {
                leftOut.insert(device.name)
                continue
            }
            let address = claim?.address(of: device.name)
            if there.address != before.address, there.address != address {
                moved.append(there)
                continue
            }
            wanted.append(device)
            take(device, claim, asIs: true, request)
        }
        let asked = Set((request?.devices ?? []).map(\.name))
        removed = Set(present.keys.filter { recorded[$0] != nil && !asked.contains($0) })
        // What came with a device goes with it.
        for assignment in claims.flatMap(\.assignments) {
            guard let device = assignment.companionOf, removed.union(leftOut).contains(device) else { continue }
            if present[assignment.name] != nil { removed.insert(assignment.name) }
        }
        let needed = Set(wanted.map(\.name) + moved.map(\.name)).union(kept)
        let recordedClaims = Set(record.map(\.claim))
        released = claims.filter { claim in
            let names = claim.deviceNames
            guard names.isDisjoint(with: needed) else { return false }
            if !names.isDisjoint(with: leftOut.union(removed).union(ended)) { return true }
            // What the daemon claimed by itself was for a request, and is in no XML.
            return recordedClaims.contains(claim.id)
                || (claim.uid == nil && names.isDisjoint(with: present.keys))
        }
    }

    private mutating func take(
        _ device: DomainRequest.Device, _ claim: Claim?, asIs: Bool, _ request: DomainRequest?
    ) {
        guard let claim else {
            unclaimed.append(device)
            return
        }
        if asIs { return }
        let numa = device.numa ?? request?.numa
        let isSamePlace = claim.pool == device.pool && (numa == nil || claim.numa == numa)
        if isSamePlace {
            changed.append(Change(claim: claim, device: device))
        } else {
            replaced.append(Change(claim: claim, device: device))
        }
    }
}

extension Claim {
    /// The devices of its own that it has for its owner's domain.
    var deviceNames: Set<String> { Set(assignments.filter { $0.companionOf == nil }.map(\.name)) }

    /// What the domain has of it for these devices, and what comes with them.
    func assignments(for devices: some Collection<String>) -> [Assignment] {
        assignments.filter { devices.contains($0.companionOf ?? $0.name) }
    }

    func has(device name: String) -> Bool { assignments.contains { $0.name == name } }

    func address(of device: String) -> PCIAddress? { assignments.first { $0.name == device }?.address }
}

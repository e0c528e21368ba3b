// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// The steps until a domain's persistent XML has the devices that its request asks for, and none that it asked for
/// before and no longer does.
///
/// The record in the domain's metadata shows what Buslane added. Every other device belongs to the domain's owner. A
/// device that the owner took out or moved stays as the owner left it until the request changes.
package struct BindingPlan: Equatable {
    /// In the persistent XML, or to be added to it; in the request's order.
    package var wanted: [DomainRequest.Device] = []
    /// Of those, the devices that nothing is claimed for.
    package var unclaimed: [DomainRequest.Device] = []
    /// Of those, the devices that are claimed and ask for other settings now.
    package var changed: [Change] = []
    /// Of those, the devices that ask for another pool or node now than they are claimed from.
    package var replaced: [Change] = []
    /// Devices that Buslane added and the request no longer names.
    package var removed: Set<String> = []
    /// Claims that the request no longer needs.
    package var released: [Claim] = []
    /// Devices that Buslane added and the domain's owner took out.
    package var leftOut: Set<String> = []
    /// Devices without a request whose claim has another function now.
    package var followed: Set<String> = []
    /// Devices that the domain's owner gave another function.
    package var moved: [InjectedDevice] = []

    package struct Change: Hashable {
        package let claim: Claim
        package let device: DomainRequest.Device
    }

    /// - Parameters:
    ///   - request: nil also where its devices are not to be in the persistent XML.
    ///   - injected: Buslane's devices in the persistent XML.
    ///   - record: what Buslane added, written in the same definition.
    ///   - claims: those that the domain holds.
    ///   - kept: devices of a running guest, whose claims are needed without being in the persistent XML.
    ///   - ended: such devices whose guest does not run.
    package init(
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
                take(device, claim, asIs: false, request)
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
            // Another claim than the recorded one may lack what is asked for.
            take(device, claim, asIs: before.claim == claim?.id, request)
        }
        let asked = Set((request?.devices ?? []).map(\.name))
        followed = Set(injected.filter { !asked.contains($0.name) && claims.haveMoved($0) }.map(\.name))
        removed = Set(present.keys.filter { recorded[$0] != nil && !asked.contains($0) })
        // A device's companions go with it.
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
            // The daemon makes a claim of its own only for a request; one that is in no XML serves none.
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

extension [Claim] {
    /// Whether a device has the address that the function of its claim had before.
    fileprivate func haveMoved(_ device: InjectedDevice) -> Bool {
        contains { claim in
            claim.assignments.contains {
                $0.name == device.name && $0.address != device.address && $0.formers.contains(device.address)
                    && !$0.isParked
            }
        }
    }
}

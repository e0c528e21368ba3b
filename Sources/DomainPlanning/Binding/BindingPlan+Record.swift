// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension BindingPlan {
    /// The record for the definition that has the plan's devices.
    ///
    /// - Parameters:
    ///   - claims: those that the domain holds then.
    ///   - waiting: devices that stay as they were asked for before.
    package func record(
        of domain: Domain, _ claims: [Claim], _ request: DomainRequest?, unless waiting: Set<String>
    ) -> DomainAssignment {
        let before = Dictionary(domain.recorded.map { ($0.name, $0) }) { first, _ in first }
        let devices = (request?.devices ?? []).compactMap { device -> DomainAssignment.Device? in
            let (name, old) = (device.name, before[device.name])
            guard !leftOut.contains(name), !waiting.contains(name), wanted.contains(where: { $0.name == name }),
                let claim = claims.first(where: { $0.has(device: name) }),
                let assignment = claim.assignments.first(where: { $0.name == name })
            else { return old }
            return DomainAssignment.Device(
                name: name, address: assignment.address, claim: claim.id,
                // The generation in which the device was added: each start makes a new one.
                generation: old?.claim == claim.id ? old?.generation ?? claim.generation : claim.generation,
                numaNode: assignment.numaNode, asked: request?.asked(of: device) ?? "")
        }
        return DomainAssignment(devices: devices)
    }

    /// Judges the names before anything is claimed.
    ///
    /// - Throws: ``DomainXMLError/nameInUse(_:by:)`` where something else has the alias of a device that the plan adds.
    package func refuseClashes(in domain: Domain) throws {
        // No device has this address, so that only the names can clash.
        guard let nowhere = PCIAddress(domain: .max, bus: .max, device: 31, function: 7) else { return }
        for device in unclaimed + replaced.map(\.device) {
            _ = try domain.adding([DeviceSpec(address: nowhere, kind: .hostdev, name: device.name)])
        }
    }
}

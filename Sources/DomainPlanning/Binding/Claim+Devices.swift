// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension Claim {
    /// The names of its devices in its owner's domain, without companions.
    package var deviceNames: Set<String> { Set(assignments.filter { $0.companionOf == nil }.map(\.name)) }

    /// Its assignments for these devices and their companions.
    package func assignments(for devices: some Collection<String>) -> [Assignment] {
        assignments.filter { devices.contains($0.companionOf ?? $0.name) }
    }

    package func has(device name: String) -> Bool { assignments.contains { $0.name == name } }

    /// What a request asks for one of the claim's devices and the claim does not have: `pool slow`, `NUMA policy
    /// required:1`, `vlan 100`. Empty when the claim serves the request.
    ///
    /// Compares what the request names. What the pool added then may be another today.
    package func lacks(for device: DomainRequest.Device, in request: DomainRequest?) -> [String] {
        var lacking: [String] = []
        if pool != device.pool { lacking.append("pool \(device.pool)") }
        if let numa = device.numa ?? request?.numa, numa != self.numa { lacking.append("NUMA policy \(numa)") }
        if let settings = assignments.first(where: { $0.name == device.name })?.settings,
            !device.settings.isSatisfied(by: settings)
        {
            lacking.append(device.settings.difference(from: settings).description)
        }
        return lacking
    }

    /// - Throws: ``Refusal`` unless the claim serves what the domain requests for one of its devices.
    package func mustServe(
        _ device: DomainRequest.Device, in request: DomainRequest?, of domain: String
    ) throws(Refusal) {
        let lacking = lacks(for: device, in: request)
        if !lacking.isEmpty {
            throw .claim(id, .differsFromRequest(device: device.name, domain: domain, lacking: lacking))
        }
    }

    package func address(of device: String) -> PCIAddress? { assignments.first { $0.name == device }?.address }
}

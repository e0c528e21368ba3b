// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

extension Claim {
    /// The names of its devices in its owner's domain, without companions.
    package var deviceNames: Set<String> { Set(assignments.filter { $0.companionOf == nil }.map(\.name)) }

    /// Its assignments for these devices and their companions.
    package func assignments(for devices: some Collection<String>) -> [Assignment] {
        assignments.filter { devices.contains($0.companionOf ?? $0.name) }
    }

    package func has(device name: String) -> Bool { assignments.contains { $0.name == name } }

    package func address(of device: String) -> PCIAddress? { assignments.first { $0.name == device }?.address }
}

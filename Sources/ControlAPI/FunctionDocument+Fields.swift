// SPDX-License-Identifier: GPL-3.0-or-later

extension FunctionDocument {
    /// In the order in which they are written.
    enum CodingKeys: String, CodingKey, CaseIterable {
        case address, vendor, device, subsystem, `class`, revision, driver, driverOverride
        case vfioDriver, iommuGroup, numaNode, localCPUs, parent, resetMethods, link, role, sriov
        case virtualFunction, interfaces, capabilities, acsPath, vfioDevice, vfMSIXCount
        case serialNumber, vfSettings, claim, holders
    }

    /// The fields in which two descriptions differ.
    func fields(unlike other: Self) -> [CodingKeys] { CodingKeys.allCases.filter { !agrees(with: other, in: $0) } }

    private func agrees(with other: Self, in field: CodingKeys) -> Bool {
        switch field {
        case .address: address == other.address
        case .vendor: vendor == other.vendor
        case .device: device == other.device
        case .subsystem: subsystem == other.subsystem
        case .class: self.class == other.class
        case .revision: revision == other.revision
        case .driver: driver == other.driver
        case .driverOverride: driverOverride == other.driverOverride
        case .vfioDriver: vfioDriver == other.vfioDriver
        case .iommuGroup: iommuGroup == other.iommuGroup
        case .numaNode: numaNode == other.numaNode
        case .localCPUs: localCPUs == other.localCPUs
        case .parent: parent == other.parent
        case .resetMethods: resetMethods == other.resetMethods
        case .link: link == other.link
        case .role: role == other.role
        case .sriov: sriov == other.sriov
        case .virtualFunction: virtualFunction == other.virtualFunction
        case .interfaces: interfaces == other.interfaces
        case .capabilities: capabilities == other.capabilities
        case .acsPath: acsPath == other.acsPath
        case .vfioDevice: vfioDevice == other.vfioDevice
        case .vfMSIXCount: vfMSIXCount == other.vfMSIXCount
        case .serialNumber: serialNumber == other.serialNumber
        case .vfSettings: vfSettings == other.vfSettings
        case .claim: claim == other.claim
        case .holders: holders == other.holders
        }
    }
}

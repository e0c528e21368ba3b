// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Describes the functions of a snapshot as the inventory has them.
struct FunctionDescriber {
    let snapshot: HostSnapshot
    let names: any PCINameSource
    /// What holds functions open or mounted.
    let uses: HostUses
    /// The node of functions whose own is unknown.
    private let soleNode: Int?

    init(snapshot: HostSnapshot, names: any PCINameSource, uses: HostUses) {
        self.snapshot = snapshot
        self.names = names
        self.uses = uses
        soleNode = snapshot.soleNode
    }

    /// - Parameter claim: the id of the live claim that has the function.
    func description(of function: Function, claim: String?) -> FunctionDocument {
        let identity = function.identity
        return FunctionDocument(
            address: function.address,
            vendor: identity.vendor.map { .init(id: $0.hex(4), name: names.vendor($0)) },
            device: identity.device.map { device in
                .init(
                    id: device.hex(4), name: identity.vendor.flatMap { names.device(vendor: $0, device: device) })
            },
            subsystem: .init(vendor: identity.subsystemVendor?.hex(4), device: identity.subsystemDevice?.hex(4)),
            class: identity.classCode.map { .init(id: $0.hex(6), name: names.classCode($0)) },
            revision: identity.revision?.hex(2),
            driver: function.driver,
            driverOverride: function.driverOverride,
            vfioDriver: function.isBridge ? nil : function.vfioDriver ?? VFIO.genericDriver,
            iommuGroup: function.iommuGroup,
            numaNode: function.numaNode ?? soleNode,
            localCPUs: function.localCPUs,
            parent: function.parent,
            resetMethods: function.resetMethods,
            link: function.link.map {
                .init(speedGTs: $0.speedGTs, width: $0.width, maxSpeedGTs: $0.maxSpeedGTs, maxWidth: $0.maxWidth)
            },
            role: function.role.kind.rawValue,
            sriov: function.sriov.map(Inventory.SRIOV.init),
            virtualFunction: Inventory.Place(function.role),
            interfaces: interfaces(of: function),
            capabilities: function.capabilities.map(Inventory.Capabilities.init),
            acsPath: function.capabilities == nil
                ? nil : Inventory.ACSPath(snapshot.acsPath(of: function)),
            vfioDevice: function.vfioDevice,
            vfMSIXCount: function.vfMSIXCount, serialNumber: function.serialNumber,
            vfSettings: Inventory.VFSettings(function.vfSettings),
            claim: claim, holders: function.holders(uses))
    }

    private func interfaces(of function: Function) -> [Inventory.Interface] {
        let ports = function.ports
        return function.interfaces.map { interface in
            .init(
                name: interface.name, mac: interface.mac, state: interface.state, speedMbps: interface.speedMbps,
                mtu: interface.mtu, master: interface.master, addresses: interface.addresses,
                isPort: ports.contains { $0.index == interface.index && $0.name == interface.name },
                portName: interface.port.name, portNumber: interface.port.number)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Names for PCI ids; nil for an unknown one.
public protocol PCINameSource: Sendable {
    func vendor(_ id: UInt16) -> String?
    func device(vendor: UInt16, device: UInt16) -> String?
    /// - Parameter code: base class, subclass and interface, 24 bits.
    func classCode(_ code: UInt32) -> String?
}

extension Inventory {
    /// - Parameters:
    ///   - claims: by function, the live claim that has it.
    ///   - uses: what holds functions open or mounted.
    ///   - capturedAt: seconds since 1970.
    public init(
        of snapshot: HostSnapshot, names: any PCINameSource, claims: [PCIAddress: String] = [:],
        uses: HostUses = HostUses(), capturedAt: Int
    ) {
        host = Host(snapshot.host, capturedAt: capturedAt)
        iommu = IOMMU(enabled: snapshot.iommu.enabled, kind: snapshot.iommu.kind?.rawValue)
        numaNodes = snapshot.numaNodes.map { NUMANode($0) }
        iommuGroups = snapshot.iommuGroups.inSlices { $0.map { Group($0, on: snapshot) } }.flatMap(\.self)
        functions = snapshot.functions.inSlices { slice in
            slice.map { function in
                Function(
                    function, on: snapshot, names: names, claim: claims[function.address],
                    holders: function.holders(uses))
            }
        }.flatMap(\.self)
        warnings = snapshot.warnings
    }
}

extension Inventory.Host {
    /// - Parameter capturedAt: seconds since 1970.
    init(_ host: HostIdentity, capturedAt: Int) {
        self.init(
            name: host.name, machineID: host.machineID, bootID: host.bootID, kernel: host.kernel,
            capturedAt: JSON.timestamp(capturedAt))
    }
}

extension Inventory.Group {
    init(_ group: IOMMUGroup, on snapshot: HostSnapshot) {
        let blockers = snapshot.blockers(of: group)
        self.init(
            id: group.id, type: group.type, functions: group.functions, viable: blockers.isEmpty, blockers: blockers,
            reason: group.reason(on: snapshot)?.description, device: group.device)
    }
}

extension Inventory.NUMANode {
    init(_ node: NUMANode) {
        self.init(
            id: node.id, cpus: node.cpus, distances: node.distances, memory: node.memory, hugepages: node.hugepages)
    }
}

extension Inventory.Function {
    init(_ function: Function, on snapshot: HostSnapshot, names: any PCINameSource, claim: String?, holders: [Holder]) {
        let identity = function.identity
        self.init(
            address: function.address,
            vendor: .init(id: identity.vendor.hex(4), name: names.vendor(identity.vendor)),
            device: .init(
                id: identity.device.hex(4), name: names.device(vendor: identity.vendor, device: identity.device)),
            subsystem: .init(vendor: identity.subsystemVendor.hex(4), device: identity.subsystemDevice.hex(4)),
            class: .init(id: identity.classCode.hex(6), name: names.classCode(identity.classCode)),
            revision: identity.revision.hex(2),
            driver: function.driver,
            driverOverride: function.driverOverride,
            vfioDriver: function.isBridge ? nil : function.vfioDriver ?? VFIO.genericDriver,
            iommuGroup: function.iommuGroup,
            numaNode: function.numaNode,
            localCPUs: function.localCPUs,
            parent: function.parent,
            resetMethods: function.resetMethods,
            link: function.link.map {
                .init(speedGTs: $0.speedGTs, width: $0.width, maxSpeedGTs: $0.maxSpeedGTs, maxWidth: $0.maxWidth)
            },
            role: function.role.kind.rawValue,
            sriov: function.sriov.map(Inventory.SRIOV.init),
            virtualFunction: function.virtualFunction,
            interfaces: function.interfaces.map {
                .init(
                    name: $0.name, mac: $0.mac, state: $0.state, speedMbps: $0.speedMbps, mtu: $0.mtu,
                    master: $0.master,
                    addresses: $0.addresses)
            },
            capabilities: function.capabilities.map(Inventory.Capabilities.init),
            acsPath: function.capabilities == nil
                ? nil : Inventory.ACSPath(snapshot.acsPath(of: function)),
            vfioDevice: function.vfioDevice,
            vfMSIXCount: function.vfMSIXCount, serialNumber: function.serialNumber,
            vfSettings: Inventory.VFSettings(function.vfSettings),
            claim: claim, holders: holders)
    }
}

extension Inventory.SRIOV {
    init(_ sriov: SRIOV) {
        self.init(
            totalVFs: sriov.totalVFs, numVFs: sriov.vfCount, offset: sriov.offset, stride: sriov.stride,
            vfDevice: sriov.vfDevice?.hex(4), driversAutoprobe: sriov.driversAutoprobe,
            virtualFunctions: sriov.virtualFunctions, vfTotalMSIX: sriov.vfTotalMSIX,
            eswitchMode: sriov.eswitchMode?.rawValue)
    }
}

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
        let describer = FunctionDescriber(snapshot: snapshot, names: names, uses: uses)
        functions = snapshot.functions.inSlices { slice in
            slice.map { describer.description(of: $0, claim: claims[$0.address]) }
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
            id: node.id, cpus: node.cpus, distances: node.distances, memory: node.memory, hugepages: node.hugepages,
            packages: node.packages)
    }
}

extension Inventory.Place {
    /// nil for a function that is not a VF.
    init?(_ role: Function.Role) {
        switch role {
        case .virtualFunction(let place): self.init(physicalFunction: place.physicalFunction, index: place.index)
        case .unplacedVirtualFunction(let physical): self.init(physicalFunction: physical, index: nil)
        case .physicalFunction, .function: return nil
        }
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

// SPDX-License-Identifier: GPL-3.0-or-later

/// The host as observed at one time.
public struct HostSnapshot: Sendable, Equatable {
    public var host: HostIdentity
    public var iommu: IOMMU
    /// nil if unknown.
    public var drivers: PCIDrivers?
    /// Sorted by id.
    public var numaNodes: [NUMANode]
    /// Sorted by id.
    public var iommuGroups: [IOMMUGroup]
    /// Sorted by address.
    public private(set) var functions: [Function]
    /// The failures to read something, one line for each. An unreadable attribute leaves its field nil; reading continues.
    public var warnings: [String]
    private var positions: [PCIAddress: Int]
    var members = MemberIndex()

    public init(
        host: HostIdentity, iommu: IOMMU, drivers: PCIDrivers? = nil, numaNodes: [NUMANode] = [],
        iommuGroups: [IOMMUGroup] = [], functions: [Function] = [], warnings: [String] = []
    ) {
        self.host = host
        self.iommu = iommu
        self.drivers = drivers
        self.numaNodes = numaNodes.sorted { $0.id < $1.id }
        self.iommuGroups = iommuGroups.sorted { $0.id < $1.id }
        self.functions = functions.sorted { $0.address < $1.address }
        self.warnings = warnings
        positions = Self.positions(of: self.functions)
    }

    public func group(_ id: Int) -> IOMMUGroup? { groupPosition(id).map { iommuGroups[$0] } }

    /// Groups are sorted by id.
    func groupPosition(_ id: Int) -> Int? {
        let position = iommuGroups.partitioningIndex { $0.id >= id }
        return position < iommuGroups.endIndex && iommuGroups[position].id == id ? position : nil
    }

    /// Replaces, adds and removes functions.
    mutating func replace(_ changes: [FunctionChange]) {
        var (comers, leavers): ([Function], Set<PCIAddress>) = ([], [])
        var changed: [(position: Int, before: Function)] = []
        for change in changes {
            switch (positions[change.address], change.after) {
            case (let position?, let function?):
                let before = functions[position]
                functions[position] = function
                changed.append((position, before))
            case (nil, let function?): comers.append(function)
            case (_?, nil): leavers.insert(change.address)
            case (nil, nil): break
            }
        }
        guard !comers.isEmpty || !leavers.isEmpty else {
            var index = members
            members = MemberIndex()
            for (position, before) in changed { index.change(at: position, from: before, on: self) }
            members = index
            return
        }
        members = MemberIndex()
        if !leavers.isEmpty { functions.removeAll { leavers.contains($0.address) } }
        functions += comers
        if !comers.isEmpty { functions.sort { $0.address < $1.address } }
        positions = Self.positions(of: functions)
    }

    /// Takes over the facts that are not read for a decision from an earlier snapshot.
    public mutating func takeUnread(from earlier: HostSnapshot) {
        members = MemberIndex()
        for position in functions.indices { functions[position].takeUnread(from: earlier[functions[position].address]) }
    }

    private static func positions(of functions: [Function]) -> [PCIAddress: Int] {
        Dictionary(functions.enumerated().map { ($1.address, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Identifies the host and its boot.
public struct HostIdentity: Hashable, Sendable {
    public let name: String
    /// Source: `/etc/machine-id`; nil without one.
    public let machineID: String?
    /// A new value at each boot. Source: `/proc/sys/kernel/random/boot_id`.
    public let bootID: String?
    /// Source: `/proc/sys/kernel/osrelease`.
    public let kernel: String?

    public init(name: String, machineID: String? = nil, bootID: String? = nil, kernel: String? = nil) {
        self.name = name
        self.machineID = machineID
        self.bootID = bootID
        self.kernel = kernel
    }
}

/// The host's IOMMU as a whole.
public struct IOMMU: Hashable, Sendable, Codable {
    /// Whether it isolates at least one function. Otherwise nothing can be passed through.
    public let enabled: Bool
    public let kind: Kind?

    public enum Kind: String, Hashable, Sendable, Codable {
        case intelVTd = "intel-vtd"
        case amdVi = "amd-vi"
        case smmu = "arm-smmu"
        case other
    }

    public init(enabled: Bool, kind: Kind?) {
        self.enabled = enabled
        self.kind = kind
    }
}

/// A source for the state of single functions: a snapshot, or the host itself.
public protocol FunctionSource {
    /// nil if there is no such function. For a VF its settings may be missing.
    subscript(_ address: PCIAddress) -> Function? { get }

    /// A function's driver; nil if there is no such function.
    func binding(of address: PCIAddress) -> DriverBinding?

    /// The address of a VF; nil if its PF has no VF with that index.
    func address(of virtual: VirtualFunction) -> PCIAddress?

    /// The name of a port of its PF that is down, so that the VF has no link; nil if there is none.
    func downPort(ofVF virtual: VirtualFunction) -> String?

    /// The settings that the PF reports for the VF at the address; nil if it is not a VF or the PF reports none.
    func settings(ofVFAt address: PCIAddress) -> VFSettings?
}

extension FunctionSource {
    public func binding(of address: PCIAddress) -> DriverBinding? { self[address]?.binding }

    public func address(of virtual: VirtualFunction) -> PCIAddress? {
        self[virtual.physicalFunction]?.sriov?.virtualFunctions.dropFirst(virtual.index).first
    }

    public func downPort(ofVF virtual: VirtualFunction) -> String? {
        self[virtual.physicalFunction]?.vfPorts.downPort(ofVF: virtual.index)?.name
    }

    public func settings(ofVFAt address: PCIAddress) -> VFSettings? { self[address]?.vfSettings }
}

extension HostSnapshot: FunctionSource {
    public subscript(_ address: PCIAddress) -> Function? { positions[address].map { functions[$0] } }
}

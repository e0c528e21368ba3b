// SPDX-License-Identifier: GPL-3.0-or-later

/// What the configuration declares for this host.
public struct DesiredState: Hashable, Sendable {
    public var physicalFunctions: [PFDeclaration]
    public var pools: [Pool]
    public var repair: RepairPolicy
    /// It tells of some PFs alone: the others stay as they are, and are not put back as they were found.
    public var isPartial = false

    public init(
        physicalFunctions: [PFDeclaration] = [], pools: [Pool] = [], repair: RepairPolicy = .automatic
    ) {
        self.physicalFunctions = physicalFunctions
        self.pools = pools
        self.repair = repair
    }

    public func pool(_ name: String) -> Pool? { pools.first { $0.name == name } }
}

/// What becomes of a drift: of a host that is no longer as it was made.
public enum RepairPolicy: String, Hashable, Sendable, CaseIterable {
    /// It is put right where nothing is in use, and told.
    case automatic = "auto"
    /// It is told.
    case report
}

/// How the PFs that a selector means are to be cut up.
public struct PFDeclaration: Hashable, Sendable, Codable {
    public var selector: Selector
    public var vfCount: Int
    /// Whether the kernel shall bind its own driver to each new VF: off for VFs meant for guests.
    public var driversAutoprobe: Bool
    /// The driver that every VF is bound to once it exists; nil leaves it unbound.
    public var vfDriver: String?
    /// The largest packet that the PF's interface carries, in octets; nil leaves it.
    public var mtu: Int?
    /// Whether the PF's interface is switched on; nil switches it on for a PF with VFs, which have no link without it.
    public var linkUp: Bool?
    /// VFs that are to be like more than that.
    public var vfs: [VFDeclaration]
    /// Where it stands, for messages: `buslane.yaml:3:5`. nil when it comes from no file.
    public var place: String?

    public init(
        selector: Selector, vfCount: Int, driversAutoprobe: Bool = false, vfDriver: String? = nil,
        mtu: Int? = nil, linkUp: Bool? = nil, vfs: [VFDeclaration] = [], place: String? = nil
    ) {
        self.selector = selector
        self.vfCount = vfCount
        self.driversAutoprobe = driversAutoprobe
        self.vfDriver = vfDriver
        self.mtu = mtu
        self.linkUp = linkUp
        self.vfs = vfs
        self.place = place
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Who holds what, as the ledger and the process table have it: what planning and placement must not take away.
public struct Holdings: Sendable {
    /// By function: the live claim that has it.
    public var claims: [PCIAddress: ClaimReference]
    /// By IOMMU group of this boot: a process that has it open through VFIO.
    public var openGroups: [Int: ProcessHolder]
    /// By function: the host's file systems and swap spaces on it.
    public var disks: [PCIAddress: [DiskUse]] = [:]
    /// By function: a domain whose XML names it, and that has it from somebody else than Buslane.
    public var foreign: [PCIAddress: DomainReference] = [:]
    /// By function: why it is set aside.
    public var quarantine: [PCIAddress: String]
    /// Functions that somebody who came earlier waits for.
    public var awaited: Set<PCIAddress> = []
    /// By PF: how Buslane found it before it changed it for the first time.
    public var originals: [PCIAddress: PFOriginal]
    /// By PF: as it was declared when it was last applied. What is declared of a VF no longer is taken back.
    public var declared: [PCIAddress: PFDeclaration] = [:]

    public struct ClaimReference: Hashable, Sendable {
        public let id: String
        public let owner: Owner
        public let ownerName: String

        public init(id: String, owner: Owner, ownerName: String) {
            self.id = id
            self.owner = owner
            self.ownerName = ownerName
        }
    }

    public struct DomainReference: Hashable, Sendable {
        /// In lower case with hyphens.
        public let uuid: String
        public let name: String

        public init(uuid: String, name: String) {
            self.uuid = uuid
            self.name = name
        }
    }

    public init(
        claims: [PCIAddress: ClaimReference] = [:], openGroups: [Int: ProcessHolder] = [:],
        quarantine: [PCIAddress: String] = [:], originals: [PCIAddress: PFOriginal] = [:]
    ) {
        self.claims = claims
        self.openGroups = openGroups
        self.quarantine = quarantine
        self.originals = originals
    }
}

/// How a PF was found: what is put back when it is no longer declared.
public struct PFOriginal: Hashable, Sendable, Codable {
    public let vfCount: Int
    public let driversAutoprobe: Bool
    public let linkUp: Bool
    /// nil when it has no interface, and in what version 0.1 wrote.
    public let mtu: Int?

    public init(vfCount: Int, driversAutoprobe: Bool, linkUp: Bool, mtu: Int? = nil) {
        self.vfCount = vfCount
        self.driversAutoprobe = driversAutoprobe
        self.linkUp = linkUp
        self.mtu = mtu
    }

    /// nil when the function is no PF.
    public init?(of function: Function) {
        guard let sriov = function.sriov else { return nil }
        self.init(
            vfCount: sriov.vfCount, driversAutoprobe: sriov.driversAutoprobe ?? true,
            linkUp: function.interfaces.allSatisfy(\.isAdministrativelyUp),
            mtu: function.interfaces.compactMap(\.mtu).min())
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// All holders of functions, by the ledger, the process table, libvirt and the mounts. Planning and placement must not take
/// a function from them.
public struct Holdings: Sendable {
    /// By function: its live claim.
    public var claims: [PCIAddress: ClaimReference]
    /// By IOMMU group of this boot: a process that has the group open through VFIO.
    public var openGroups: [Int: ProcessHolder]
    /// By function: the host's uses of its block devices.
    public var disks: [PCIAddress: [DiskUse]] = [:]
    /// By function: the processes that have one of its device files open.
    public var devices: [PCIAddress: [DeviceUse]] = [:]
    /// By function: a domain whose XML names it although Buslane did not put it there.
    public var foreign: [PCIAddress: DomainReference] = [:]
    /// Functions that the XML of the domain names beside its request, for which functions are chosen: they cannot be given to
    /// it a second time.
    public var named: Set<PCIAddress> = []
    /// The UUIDs of the domains that run, as far as libvirt has told.
    public var running: Set<String> = []
    /// By function: why it is in quarantine.
    public var quarantine: [PCIAddress: String]
    /// Functions that are kept for earlier requests, which wait.
    public var awaited = KeptFunctions()
    /// By PF: its state before Buslane changed it for the first time.
    public var originals: [PCIAddress: PFOriginal]
    /// By PF: the declaration that was last applied. A VF setting that is no longer declared is reset.
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
        public let isRunning: Bool

        public init(uuid: String, name: String, isRunning: Bool = false) {
            self.uuid = uuid
            self.name = name
            self.isRunning = isRunning
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

extension Holdings {
    /// Refuses while a claim has the function, or a process has it open through VFIO.
    func refuseIfHeld(_ function: Function) throws(Refusal) {
        if let claim = claims[function.address] {
            throw .function(function.address, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        if let group = function.iommuGroup, let holder = openGroups[group], function.isOnVFIO {
            throw .function(function.address, .heldByProcess(holder))
        }
        if let domain = foreign[function.address], domain.isRunning {
            throw .function(function.address, .heldByGuest(domain: domain.name))
        }
    }

    /// Refuses while the host uses the function through its host driver: unbinding it would cost data or end a program.
    func refuseIfUsedByHost(_ function: Function) throws(Refusal) {
        if let use = hostUse(of: function) { throw use }
    }

    /// The host's use of a function through its host driver, as a refusal; nil when there is none.
    func hostUse(of function: Function) -> Refusal? {
        if let use = fileUse(of: function) { return use }
        if function.showsConsole { return .function(function.address, .hostConsole(ids: function.identity.ids)) }
        return function.hasInterfaceElsewhere ? .function(function.address, .interfaceElsewhere) : nil
    }

    /// The host's use of a function's block devices and device files, as a refusal; nil when there is none.
    func fileUse(of function: Function) -> Refusal? {
        if let disk = disks[function.address]?.first { return .function(function.address, .diskInUse(disk)) }
        return devices[function.address]?.first.map { .function(function.address, .deviceOpen($0)) }
    }
}

/// The state in which a PF was found. It is restored when the PF is no longer declared.
public struct PFOriginal: Hashable, Sendable, Codable {
    public let vfCount: Int
    public let driversAutoprobe: Bool
    /// Whether all ports were up. In records without ``ports``: all interfaces, representors too.
    public let linkUp: Bool
    /// The smallest of all ports. nil for a PF without an interface, and in records of version 0.1.
    public let mtu: Int?
    /// Each port; nil in records of earlier versions.
    public let ports: [PortState]?

    /// How a port was found.
    public struct PortState: Hashable, Sendable, Codable {
        /// nil for the only port.
        public let port: PortID?
        public let linkUp: Bool
        public let mtu: Int?

        public init(port: PortID? = nil, linkUp: Bool, mtu: Int?) {
            self.port = port
            self.linkUp = linkUp
            self.mtu = mtu
        }
    }

    public init(
        vfCount: Int, driversAutoprobe: Bool, linkUp: Bool, mtu: Int? = nil, ports: [PortState]? = nil
    ) {
        self.vfCount = vfCount
        self.driversAutoprobe = driversAutoprobe
        self.linkUp = linkUp
        self.mtu = mtu
        self.ports = ports
    }

    /// nil for a function that is not a PF.
    public init?(of function: Function) {
        guard let sriov = function.sriov else { return nil }
        self.init(
            vfCount: sriov.vfCount, driversAutoprobe: sriov.driversAutoprobe ?? true,
            linkUp: function.ports.allSatisfy(\.isAdministrativelyUp),
            mtu: function.ports.compactMap(\.mtu).min(),
            ports: function.interfaces.portIDs.map { id in
                let ports = function.interfaces.ports(id)
                return PortState(
                    port: id, linkUp: ports.allSatisfy(\.isAdministrativelyUp),
                    mtu: ports.compactMap(\.mtu).min())
            })
    }

    /// The states to restore on the function as it is now.
    ///
    /// A record without ports has one state for all interfaces that there were: it fits a function with one interface. For any
    /// other, it does not say which of them was down.
    func states(fitting function: Function) -> [PortState] {
        guard let ports else {
            return function.interfaces.count == 1 ? [PortState(linkUp: linkUp, mtu: mtu)] : []
        }
        let now = function.interfaces.portIDs
        return ports.filter { state in
            state.port == nil ? now == [nil] : !function.interfaces.ports(state.port).isEmpty
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// Everything that the configuration declares for this host.
public struct DesiredState: Hashable, Sendable {
    public var physicalFunctions: [PFDeclaration]
    public var pools: [Pool]
    public var repair: RepairPolicy
    /// Only some PFs are included. The others stay unchanged; their original state is not restored.
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

/// The daemon's reaction to a drift.
public enum RepairPolicy: String, Hashable, Sendable, CaseIterable {
    /// It repairs the drift unless something is in use, and reports it.
    case automatic = "auto"
    /// It only reports the drift.
    case report
}

/// The declaration of the PFs that a selector matches.
public struct PFDeclaration: Hashable, Sendable, Codable {
    public var selector: Selector
    public var vfCount: Int
    /// Whether the kernel binds a host driver to each new VF. Off for VFs that are meant for guests.
    public var driversAutoprobe: Bool
    /// The driver for every VF; nil leaves the VFs unbound.
    public var vfDriver: String?
    /// The MTU of the PF's ports, in octets; nil leaves it unchanged.
    public var mtu: Int?
    /// Whether the PF's ports are set up. nil sets up those that VFs need, which have no link without them.
    public var linkUp: Bool?
    /// Declarations of individual ports; nil for none.
    public var ports: [PortDeclaration]?
    /// Declarations of individual VFs.
    public var vfs: [VFDeclaration]
    /// Its place in the file, for messages: `buslane.yaml:3:5`. nil when it comes from no file.
    public var place: String?

    public init(
        selector: Selector, vfCount: Int, driversAutoprobe: Bool = false, vfDriver: String? = nil,
        mtu: Int? = nil, linkUp: Bool? = nil, ports: [PortDeclaration]? = nil, vfs: [VFDeclaration] = [],
        place: String? = nil
    ) {
        self.selector = selector
        self.vfCount = vfCount
        self.driversAutoprobe = driversAutoprobe
        self.vfDriver = vfDriver
        self.mtu = mtu
        self.linkUp = linkUp
        self.ports = ports
        self.vfs = vfs
        self.place = place
    }
}

/// What one port of a PF differs in from the others. nil leaves a value to the PF's declaration.
public struct PortDeclaration: Hashable, Sendable, Codable {
    public var port: PortID
    public var mtu: Int?
    public var linkUp: Bool?

    public init(port: PortID, mtu: Int? = nil, linkUp: Bool? = nil) {
        self.port = port
        self.mtu = mtu
        self.linkUp = linkUp
    }
}

extension PFDeclaration {
    /// What is declared for a port of a function.
    ///
    /// - Parameter id: as in ``Swift/Array/portIDs``.
    func port(_ id: PortID?, of function: Function) -> (mtu: Int?, linkUp: Bool?) {
        let own = ports?.first { declared in
            id.map { $0 == declared.port } ?? function.ports.contains { $0.port.matches(declared.port) }
        }
        return (own?.mtu ?? mtu, own?.linkUp ?? linkUp)
    }
}

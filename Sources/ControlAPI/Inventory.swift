// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Every PCI function with the facts that decide passthrough. Schema: docs/inventory.schema.json, version 1.
public struct Inventory: Codable, Sendable, Equatable {
    static let currentVersion = 1

    public var schemaVersion = Inventory.currentVersion
    public var host: Host
    public var iommu: IOMMU
    public var numaNodes: [NUMANode]
    public var iommuGroups: [Group]
    public var functions: [Function]
    public var warnings: [String]

    public struct Host: Codable, Sendable, Equatable {
        public var name: String
        @ExplicitNull public var machineID: String?
        @ExplicitNull public var bootID: String?
        @ExplicitNull public var kernel: String?
        public var capturedAt: String
    }

    public struct IOMMU: Codable, Sendable, Equatable {
        public var enabled: Bool
        @ExplicitNull public var kind: String?
    }

    public struct NUMANode: Codable, Sendable, Equatable {
        public var id: Int
        @ExplicitNull public var cpus: String?
        @ExplicitNull public var distances: [Int]?
        @ExplicitNull public var memory: HostModel.NUMANode.Memory?
        public var hugepages: [HostModel.NUMANode.Hugepages]
        @ExplicitNull public var packages: [Int]?
    }

    public struct Group: Codable, Sendable, Equatable {
        public var id: Int
        @ExplicitNull public var type: String?
        public var functions: [PCIAddress]
        public var viable: Bool
        public var blockers: [IOMMUGroup.Blocker]
        /// Why it holds more than one function; null when it holds one.
        @ExplicitNull public var reason: String?
        /// Its character device, `/dev/vfio/5`; null while it has none.
        @ExplicitNull public var device: String?
    }

    public struct Named: Codable, Sendable, Equatable {
        /// Hexadecimal, as lspci -n prints it.
        public var id: String
        @ExplicitNull public var name: String?
    }

    public struct Function: Codable, Sendable, Equatable {
        public var address: PCIAddress
        @ExplicitNull public var vendor: Named?
        @ExplicitNull public var device: Named?
        public var subsystem: Subsystem
        @ExplicitNull public var `class`: Named?
        @ExplicitNull public var revision: String?
        @ExplicitNull public var driver: String?
        @ExplicitNull public var driverOverride: String?
        /// The VFIO driver that suits it.
        @ExplicitNull public var vfioDriver: String?
        @ExplicitNull public var iommuGroup: Int?
        @ExplicitNull public var numaNode: Int?
        @ExplicitNull public var localCPUs: String?
        @ExplicitNull public var parent: PCIAddress?
        public var resetMethods: [String]
        @ExplicitNull public var link: Link?
        public var role: String
        @ExplicitNull public var sriov: SRIOV?
        @ExplicitNull public var virtualFunction: Place?
        public var interfaces: [Interface]
        /// From config space; null when the reader may not see it.
        @ExplicitNull public var capabilities: Capabilities?
        /// Access control up to the root; null without capabilities.
        @ExplicitNull public var acsPath: ACSPath?
        /// `vfio0` while a VFIO driver has it.
        @ExplicitNull public var vfioDevice: String?
        /// A VF's interrupt vectors, as its PF's driver gave them.
        @ExplicitNull public var vfMSIXCount: Int?
        /// `a0-36-9f-ff-ff-12-34-56`; null for a VF, for a card without one, and without privilege.
        @ExplicitNull public var serialNumber: SerialNumber?
        /// What the PF enforces for a VF; null for another function, or if the PF does not report it.
        @ExplicitNull public var vfSettings: VFSettings?
        /// The id of the live claim that has it.
        @ExplicitNull public var claim: String?
        /// What uses it now, according to the host.
        public var holders: [Holder]
    }

    public struct Subsystem: Codable, Sendable, Equatable {
        @ExplicitNull public var vendor: String?
        @ExplicitNull public var device: String?
    }

    /// A VF's PF, and its index there. null for what is not known.
    public struct Place: Codable, Sendable, Equatable {
        @ExplicitNull public var physicalFunction: PCIAddress?
        @ExplicitNull public var index: Int?
    }

    public struct Link: Codable, Sendable, Equatable {
        @ExplicitNull public var speedGTs: Double?
        @ExplicitNull public var width: Int?
        @ExplicitNull public var maxSpeedGTs: Double?
        @ExplicitNull public var maxWidth: Int?
    }

    public struct SRIOV: Codable, Sendable, Equatable {
        public var totalVFs: Int
        public var numVFs: Int
        @ExplicitNull public var offset: Int?
        @ExplicitNull public var stride: Int?
        @ExplicitNull public var vfDevice: String?
        @ExplicitNull public var driversAutoprobe: Bool?
        public var virtualFunctions: [PCIAddress]
        /// Interrupt vectors to share out among the VFs, where they can be chosen.
        @ExplicitNull public var vfTotalMSIX: Int?
        /// `legacy` or `switchdev`, if devlink reports it.
        @ExplicitNull public var eswitchMode: String?
    }

    public struct Interface: Codable, Sendable, Equatable {
        public var name: String
        @ExplicitNull public var mac: MACAddress?
        public var state: String
        @ExplicitNull public var speedMbps: Int?
        @ExplicitNull public var mtu: Int?
        /// The bridge or bond it belongs to.
        @ExplicitNull public var master: String?
        /// The host's own addresses on it; null if not reported.
        @ExplicitNull public var addresses: [String]?
        /// False for what hangs on the card but is none of its ports: representors, subfunctions, interfaces on top.
        @ExplicitNull public var isPort: Bool?
        /// `p0`, `pf0vf3`: the driver's name, if the function has several interfaces.
        @ExplicitNull public var portName: String?
        /// The number among the function's ports, from 0.
        @ExplicitNull public var portNumber: Int?
    }
}

extension Inventory.Function {
    /// The function's own ports. From a daemon that does not tell them apart: all interfaces.
    public var ports: [Inventory.Interface] { interfaces.filter { $0.isPort != false } }
}

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
    public var functions: [FunctionDocument]
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

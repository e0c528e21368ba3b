// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension Inventory {
    /// A function's capabilities. A null field: its extended config space could not be read.
    public struct Capabilities: Codable, Sendable, Equatable {
        public var multiFunction: Bool
        /// `endpoint`, `root-port`, …; null on conventional PCI.
        @ExplicitNull public var pciePortType: String?
        public var flr: Bool
        /// null without MSI-X.
        @ExplicitNull public var msixTableSize: Int?
        @ExplicitNull public var sriov: Bool?
        @ExplicitNull public var ari: Bool?
        @ExplicitNull public var ats: Bool?
        @ExplicitNull public var pasid: Bool?
        @ExplicitNull public var acs: ACS?
    }

    /// Access control services of one function.
    public struct ACS: Codable, Sendable, Equatable {
        public var present: Bool
        public var supported: [String]
        public var enabled: [String]
    }

    /// Access control from a function up to its root.
    public struct ACSPath: Codable, Sendable, Equatable {
        /// null: not every function on the way could be read.
        @ExplicitNull public var complete: Bool?
        /// Those that let traffic pass by the IOMMU, the nearest first.
        public var gaps: [PCIAddress]
    }

    /// What a PF enforces for one of its VFs. null: not reported.
    public struct VFSettings: Codable, Sendable, Equatable {
        @ExplicitNull public var mac: MACAddress?
        /// 0: no VLAN.
        @ExplicitNull public var vlan: Int?
        @ExplicitNull public var vlanQoS: Int?
        /// `802.1Q` or `802.1ad`; null without a VLAN.
        @ExplicitNull public var vlanProtocol: String?
        @ExplicitNull public var trust: Bool?
        @ExplicitNull public var spoofCheck: Bool?
        /// `auto` follows the PF's own link; else `enable` or `disable`.
        @ExplicitNull public var linkState: String?
        /// 0: no limit.
        @ExplicitNull public var minTxRateMbps: Int?
        /// 0: no limit.
        @ExplicitNull public var maxTxRateMbps: Int?
    }
}

extension Inventory.Capabilities {
    init(_ capabilities: Capabilities) {
        let extended = capabilities.extended
        self.init(
            multiFunction: capabilities.isMultiFunction,
            pciePortType: capabilities.portType?.rawValue,
            flr: capabilities.functionLevelReset,
            msixTableSize: capabilities.msixTableSize,
            sriov: extended?.sriov, ari: extended?.ari, ats: extended?.ats, pasid: extended?.pasid,
            acs: extended.map {
                .init(
                    present: $0.acs != nil, supported: $0.acs?.supported.names ?? [],
                    enabled: $0.acs?.enabled.names ?? [])
            })
    }
}

extension Inventory.ACSPath {
    init(_ path: ACSPath) { self.init(complete: path.isComplete, gaps: path.gaps) }
}

extension Inventory.VFSettings {
    /// nil if the PF did not report any.
    init?(_ settings: VFSettings?) {
        guard let settings else { return nil }
        var tag: VLANTag?
        if case .tag(let told) = settings.vlan { tag = told }
        self.init(
            mac: settings.mac, vlan: tag.map { Int($0.id.rawValue) } ?? settings.vlan.map { _ in 0 },
            vlanQoS: tag?.qos, vlanProtocol: tag?.protocol.rawValue, trust: settings.trust,
            spoofCheck: settings.spoofCheck, linkState: settings.linkState?.rawValue,
            minTxRateMbps: settings.minTxRateMbps, maxTxRateMbps: settings.maxTxRateMbps)
    }
}

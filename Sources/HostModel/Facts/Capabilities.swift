// SPDX-License-Identifier: GPL-3.0-or-later

/// What a function can do, from its config space.
///
/// Source: PCI Local Bus Specification and PCI Express Base Specification, as libpci's `header.h` names their fields.
public struct Capabilities: Hashable, Sendable {
    /// The device says that it has more functions than one.
    public var isMultiFunction: Bool
    /// What it is on PCI Express; nil on conventional PCI.
    public var portType: PortType?
    /// It can be reset alone: PCI Express' way, or Advanced Features' on conventional PCI.
    public var functionLevelReset: Bool
    /// Interrupt vectors; nil without MSI-X.
    public var msixTableSize: Int?
    /// nil when the extended config space could not be read.
    public var extended: Extended?

    /// What only PCI Express' extended config space tells.
    public struct Extended: Hashable, Sendable {
        public var sriov: Bool
        /// Alternative routing ids: more than 8 functions on a device.
        public var ari: Bool
        /// Address translation services: the device asks the IOMMU beforehand.
        public var ats: Bool
        public var pasid: Bool
        /// nil when the function has no such capability.
        public var acs: ACS?

        public init(
            sriov: Bool = false, ari: Bool = false, ats: Bool = false, pasid: Bool = false, acs: ACS? = nil
        ) {
            self.sriov = sriov
            self.ari = ari
            self.ats = ats
            self.pasid = pasid
            self.acs = acs
        }
    }

    /// The device and port type of the PCI Express capability.
    public enum PortType: String, Hashable, Sendable, CaseIterable {
        case endpoint
        case legacyEndpoint = "legacy-endpoint"
        case rootPort = "root-port"
        case upstreamPort = "upstream-port"
        case downstreamPort = "downstream-port"
        case pcieToPCIBridge = "pcie-to-pci-bridge"
        case pciToPCIeBridge = "pci-to-pcie-bridge"
        case integratedEndpoint = "root-complex-integrated-endpoint"
        case eventCollector = "root-complex-event-collector"
    }

    public init(
        isMultiFunction: Bool = false, portType: PortType? = nil, functionLevelReset: Bool = false,
        msixTableSize: Int? = nil, extended: Extended? = nil
    ) {
        self.isMultiFunction = isMultiFunction
        self.portType = portType
        self.functionLevelReset = functionLevelReset
        self.msixTableSize = msixTableSize
        self.extended = extended
    }
}

/// Access control services: what keeps functions below a port, or of one device, from reaching each other unseen by
/// the IOMMU.
///
/// Source: `PCI_ACS_CAP`, `PCI_ACS_CTRL`, include/uapi/linux/pci_regs.h.
public struct ACS: Hashable, Sendable {
    public var supported: Controls
    public var enabled: Controls

    public init(supported: Controls, enabled: Controls) {
        self.supported = supported
        self.enabled = enabled
    }

    /// Bits as in the capability and the control register.
    public struct Controls: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let sourceValidation = Controls(rawValue: 1 << 0)
        public static let translationBlocking = Controls(rawValue: 1 << 1)
        public static let requestRedirect = Controls(rawValue: 1 << 2)
        public static let completionRedirect = Controls(rawValue: 1 << 3)
        public static let upstreamForwarding = Controls(rawValue: 1 << 4)
        public static let egressControl = Controls(rawValue: 1 << 5)
        public static let directTranslated = Controls(rawValue: 1 << 6)

        /// What the kernel asks of a port before it takes what is below for isolated.
        ///
        /// Source: `REQ_ACS_FLAGS`, drivers/iommu/iommu.c.
        public static let isolating: Controls = [
            .sourceValidation, .requestRedirect, .completionRedirect, .upstreamForwarding,
        ]

        /// Each control's name, in the order of the bits.
        public var names: [String] { Self.named.filter { contains($0.0) }.map(\.1) }

        private static let named: [(Controls, String)] = [
            (.sourceValidation, "source-validation"), (.translationBlocking, "translation-blocking"),
            (.requestRedirect, "request-redirect"), (.completionRedirect, "completion-redirect"),
            (.upstreamForwarding, "upstream-forwarding"), (.egressControl, "egress-control"),
            (.directTranslated, "direct-translated"),
        ]
    }

    /// What would have to be switched on. A control that the port does not have counts as built in.
    ///
    /// Source: `pci_acs_flags_enabled`, drivers/pci/pci.c.
    public var missing: Controls { Controls.isolating.intersection(supported).subtracting(enabled) }
}

extension Capabilities {
    /// Whether traffic between what is below the function, or beside it in its device, goes by way of the IOMMU.
    ///
    /// nil when that cannot be told from what was readable. The kernel knows some devices better than they describe
    /// themselves; that is not seen here.
    ///
    /// Source: `pci_acs_enabled`, drivers/pci/pci.c.
    public var isolates: Bool? {
        switch portType {
        // Nothing on a conventional bus, or on the way to one, can be held apart.
        case nil, .pcieToPCIBridge, .pciToPCIeBridge, .eventCollector: false
        case .rootPort, .downstreamPort: hasEffectiveACS
        // Alone in its device there is nobody beside it.
        case .endpoint, .legacyEndpoint, .integratedEndpoint, .upstreamPort: isMultiFunction ? hasEffectiveACS : true
        }
    }

    private var hasEffectiveACS: Bool? { extended.map { $0.acs?.missing.isEmpty ?? false } }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// A function's capabilities, from its config space.
///
/// Source: PCI Local Bus Specification and PCI Express Base Specification, as libpci's `header.h` names their fields.
public struct Capabilities: Hashable, Sendable {
    /// The device reports several functions.
    public var isMultiFunction: Bool
    /// Its type on PCI Express; nil on conventional PCI.
    public var portType: PortType?
    /// It supports a function-level reset: by PCI Express, or by Advanced Features on conventional PCI.
    public var functionLevelReset: Bool
    /// The number of interrupt vectors; nil without MSI-X.
    public var msixTableSize: Int?
    /// nil if the extended config space could not be read.
    public var extended: Extended?

    /// Capabilities in PCI Express' extended config space.
    public struct Extended: Hashable, Sendable {
        public var sriov: Bool
        /// Alternative routing-id interpretation: more than 8 functions in a device.
        public var ari: Bool
        /// Address translation services: the device requests translations from the IOMMU in advance.
        public var ats: Bool
        public var pasid: Bool
        /// nil if the function has no such capability.
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

/// Access control services. They prevent functions below a port, or of one device, from reaching each other past the
/// IOMMU.
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

        /// The controls that the kernel requires of a port before it treats the functions below as isolated.
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

    /// The controls that are supported, required and off. A control that is not supported counts as built in.
    ///
    /// Source: `pci_acs_flags_enabled`, drivers/pci/pci.c.
    public var missing: Controls { Controls.isolating.intersection(supported).subtracting(enabled) }
}

extension Capabilities {
    /// Whether traffic between functions below this one, or between it and others of its device, goes through the IOMMU.
    ///
    /// nil if the readable capabilities do not show it. The kernel has quirks for some devices, which are not considered
    /// here.
    ///
    /// Source: `pci_acs_enabled`, drivers/pci/pci.c.
    public var isolates: Bool? {
        switch portType {
        // Functions on a conventional bus, or behind a bridge to one, cannot be isolated.
        case nil, .pcieToPCIBridge, .pciToPCIeBridge, .eventCollector: false
        case .rootPort, .downstreamPort: hasEffectiveACS
        // A single-function device has no other function to reach.
        case .endpoint, .legacyEndpoint, .integratedEndpoint, .upstreamPort: isMultiFunction ? hasEffectiveACS : true
        }
    }

    private var hasEffectiveACS: Bool? { extended.map { $0.acs?.missing.isEmpty ?? false } }
}

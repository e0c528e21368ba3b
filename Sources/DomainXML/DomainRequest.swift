// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A domain's request to Buslane: `<request xmlns="urn:buslane:request:1">` in its metadata.
///
/// Schema: docs/domain-request.rng.
public struct DomainRequest: Hashable, Sendable {
    public static let namespace = "urn:buslane:request:1"

    /// When the functions are claimed.
    public enum Binding: String, Hashable, Sendable, Codable, CaseIterable {
        /// The default: while the domain is defined. The devices are in its persistent XML.
        case defined
        /// From each start to the next stop. The persistent XML has none of the devices.
        case running
    }

    /// Whether Buslane aligns the domain's vCPUs and memory to its devices' nodes.
    public enum Alignment: String, Hashable, Sendable, Codable, CaseIterable {
        /// The default.
        case none
        /// Sets what the XML leaves open; what the XML says stays.
        case auto
    }

    public struct Device: Hashable, Sendable {
        /// Unique in the request.
        public let name: String
        public let pool: String
        /// The settings that the PF enforces for the VF.
        public let settings: VFSettings
        /// nil: as the request.
        public let numa: NUMAPolicy?
        /// The alias, `ua-…`, of the virtio interface that carries the traffic while the VF is unplugged.
        public let failover: String?

        public init(
            name: String, pool: String, settings: VFSettings = VFSettings(), numa: NUMAPolicy? = nil,
            failover: String? = nil
        ) {
            self.name = name
            self.pool = pool
            self.settings = settings
            self.numa = numa
            self.failover = failover
        }
    }

    /// nil leaves the choice to the pool.
    public let numa: NUMAPolicy?
    /// nil leaves the choice to the pool.
    public let spread: Spread?
    public let align: Alignment
    public let binding: Binding
    /// In the document's order; can be empty.
    public let devices: [Device]

    public init(
        numa: NUMAPolicy? = nil, spread: Spread? = nil, align: Alignment = .none, binding: Binding = .defined,
        devices: [Device]
    ) {
        self.numa = numa
        self.spread = spread
        self.align = align
        self.binding = binding
        self.devices = devices
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What a domain asks Buslane for: `<request xmlns="urn:buslane:request:1">` in its metadata.
///
/// Schema: docs/domain-request.rng.
public struct DomainRequest: Hashable, Sendable {
    public static let namespace = "urn:buslane:request:1"

    /// When the functions are claimed.
    public enum Binding: String, Hashable, Sendable, Codable, CaseIterable {
        /// While the domain is defined: the hostdevs are in its persistent XML. The default.
        case defined
        /// From each start to the stop that follows: the persistent XML stays clean.
        case running
    }

    /// Whether Buslane puts the domain's vCPUs and memory near its devices.
    public enum Alignment: String, Hashable, Sendable, Codable, CaseIterable {
        /// The default.
        case none
        /// What the XML leaves open is set; what it says stays. See ``Domain/aligned(to:on:)``.
        case auto
    }

    public struct Device: Hashable, Sendable {
        /// Unique in the request.
        public let name: String
        public let pool: String
        /// What the PF is to enforce for the VF.
        public let settings: VFSettings
        /// nil is what the request says.
        public let numa: NUMAPolicy?
        /// The alias, `ua-…`, of the virtio interface that carries the traffic while the VF is away.
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

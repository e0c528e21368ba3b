// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The routes' names, in one place for server and clients.
public enum Route {
    public static let health = "/v1/health"
    public static let inventory = "/v1/inventory"
    /// An ``InventoryChange`` a line, for as long as the client listens.
    public static let inventoryChanges = "/v1/inventory/changes"
    public static let pools = "/v1/pools"
    public static let claims = "/v1/claims"
    public static let release = "/v1/claims/release"
    public static let plan = "/v1/plan"
    public static let apply = "/v1/apply"
    public static let inject = "/v1/domains/inject"
    public static let attach = "/v1/domains/attach"
    public static let detach = "/v1/domains/detach"
    public static let hooks = "/v1/hooks"
    public static let audit = "/v1/audit"
}

/// Where the daemon listens when nobody says otherwise.
public enum SocketPath {
    public static let standard = "/run/buslane/buslane.sock"
    /// Names another socket.
    public static let environmentVariable = "BUSLANE_SOCKET"
}

/// `POST /v1/claims`
public struct AllocateRequest: Codable, Sendable {
    public var pool: String
    public var count: Int
    /// `domain:NAME`, `domain:UUID`, or any name. nil: the caller's user name.
    public var owner: String?
    public var numa: NUMAPolicy?
    public var mac: MACAddress?
    public var vlan: VLANID?
    public var trust: Bool?
    /// What the device is called in the owner's domain.
    public var name: String?

    public init(
        pool: String, count: Int, owner: String?, numa: NUMAPolicy?, mac: MACAddress?, vlan: VLANID?, trust: Bool?,
        name: String?
    ) {
        self.pool = pool
        self.count = count
        self.owner = owner
        self.numa = numa
        self.mac = mac
        self.vlan = vlan
        self.trust = trust
        self.name = name
    }
}

/// `POST /v1/claims/release`: these claims, or all of one owner.
public struct ReleaseRequest: Codable, Sendable {
    public var claims: [String]
    public var owner: String?

    public init(claims: [String], owner: String?) {
        self.claims = claims
        self.owner = owner
    }
}

/// `POST /v1/plan`, `POST /v1/apply`
public struct PlanRequest: Codable, Sendable {
    /// A configuration to use in place of the host's own.
    public var configuration: ConfigurationText?
    /// The caller has seen what would be taken from the host itself, and agrees.
    public var confirmed: Bool

    public struct ConfigurationText: Codable, Sendable {
        /// The file's name, for error messages.
        public var file: String
        public var text: String

        public init(file: String, text: String) {
            self.file = file
            self.text = text
        }
    }

    public init(configuration: ConfigurationText?, confirmed: Bool = false) {
        self.configuration = configuration
        self.confirmed = confirmed
    }
}

/// `POST /v1/domains/inject`: a domain XML in.
public struct InjectRequest: Codable, Sendable {
    public var xml: String

    public init(xml: String) { self.xml = xml }
}

/// `POST /v1/domains/attach`, `…/detach`
public struct DomainNameRequest: Codable, Sendable {
    public var domain: String

    public init(domain: String) { self.domain = domain }
}

/// `POST /v1/hooks`: what libvirt called the hook with.
public struct HookRequest: Codable, Sendable {
    public var domain: String
    /// `prepare`, `start`, `started`, `stopped`, `release`, …
    public var operation: String
    /// The last argument: why a domain stopped.
    public var reason: String
    public var xml: String

    public init(domain: String, operation: String, reason: String, xml: String) {
        self.domain = domain
        self.operation = operation
        self.reason = reason
        self.xml = xml
    }
}

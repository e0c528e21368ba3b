// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `POST /v1/domains/inject`, `attach`, `detach`, `evict`, `readmit`, `start`
public struct DomainDocument: Codable, Sendable {
    public var name: String
    @ExplicitNull public var uuid: String?
    /// The devices that were added or taken out.
    public var devices: [Device]
    /// The persistent XML, a transient domain's running one.
    public var xml: String
    /// Where that was done; null where there is but one place.
    @ExplicitNull public var scope: DomainScope?

    public struct Device: Codable, Sendable {
        public var name: String
        public var address: PCIAddress

        public init(name: String, address: PCIAddress) {
            self.name = name
            self.address = address
        }
    }

    public init(name: String, uuid: String?, devices: [Device], xml: String, scope: DomainScope? = nil) {
        self.name = name
        self.uuid = uuid
        self.devices = devices
        self.xml = xml
        self.scope = scope
    }
}

/// `POST /v1/domains/sync`
public struct DomainSyncDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var name: String
    /// A line each, in words; none when everything was right.
    public var changes: [String]

    public init(name: String, changes: [String]) {
        self.name = name
        self.changes = changes
    }
}

/// `POST /v1/domains/show`: a domain, its request, and its devices.
public struct DomainReport: Codable, Sendable {
    public var schemaVersion = 1
    public var name: String
    public var uuid: String
    /// `running`, `paused`, `off`
    public var state: String
    public var persistent: Bool
    /// null when the domain has no request.
    @ExplicitNull public var request: Request?
    /// The error in its request.
    @ExplicitNull public var requestProblem: String?
    public var devices: [Device]
    /// How many more devices the running guest can be given; null if none runs, and if unknown.
    @ExplicitNull public var freeHotplugPorts: Int?
    public var migration: Migration
    /// The last refusal; null after a success.
    @ExplicitNull public var lastRefusal: Refusal?

    public struct Request: Codable, Sendable {
        /// `defined`, `running`
        public var binding: String
        @ExplicitNull public var numa: NUMAPolicy?
        public var devices: [RequestedDevice]

        /// A requested device: its name and its pool.
        public struct RequestedDevice: Codable, Sendable {
            public var name: String
            public var pool: String

            public init(name: String, pool: String) {
                self.name = name
                self.pool = pool
            }
        }

        public init(binding: String, numa: NUMAPolicy?, devices: [RequestedDevice]) {
            self.binding = binding
            self.numa = numa
            self.devices = devices
        }
    }

    public struct Device: Codable, Sendable {
        public var name: String
        /// null while nothing is claimed for it.
        @ExplicitNull public var address: PCIAddress?
        @ExplicitNull public var claim: String?
        /// The claim's.
        @ExplicitNull public var state: String?
        @ExplicitNull public var pool: String?
        @ExplicitNull public var numaNode: Int?
        @ExplicitNull public var mac: MACAddress?
        /// As text, `100` or `100 802.1ad`.
        @ExplicitNull public var vlan: String?
        @ExplicitNull public var driver: String?
        /// `present`, `absent`, `differs` (another function under its name); null for a transient domain.
        @ExplicitNull public var persistentXML: String?
        /// The same of the running guest; null when none runs.
        @ExplicitNull public var runningXML: String?
        /// `attaching`, `detaching`, `evicting`, `evicted`
        @ExplicitNull public var change: String?
        /// Whether the guest is near it, as it runs or would run; null where the function's node is not known.
        @ExplicitNull public var alignment: Alignment?

        public init(name: String) { self.name = name }
    }

    /// Of a device. Each is `fits`, `open` (the XML leaves it open) or `differs`.
    public struct Alignment: Codable, Sendable {
        /// Where the guest's vCPUs are pinned; null where none of the guest's nodes is the device's.
        @ExplicitNull public var vcpus: String?
        /// Where its memory is bound.
        public var memory: String
        /// Whether the guest sees the device on its node; null for a guest that sees no nodes.
        @ExplicitNull public var guestNode: String?
        /// What does not fit or may not fit, with both sides; one problem a line.
        public var problems: [String]
        @ExplicitNull public var remedy: String?

        public init(vcpus: String?, memory: String, guestNode: String?, problems: [String], remedy: String?) {
            self.vcpus = vcpus
            self.memory = memory
            self.guestNode = guestNode
            self.problems = problems
            self.remedy = remedy
        }
    }

    public struct Migration: Codable, Sendable {
        /// `yes`, `no`, `unknown`
        public var possible: String
        /// Why not, or under which conditions; one reason a line.
        public var reasons: [String]
        @ExplicitNull public var remedy: String?

        public init(possible: String, reasons: [String], remedy: String?) {
            self.possible = possible
            self.reasons = reasons
            self.remedy = remedy
        }
    }

    public struct Refusal: Codable, Sendable {
        /// Since when it is refused for this reason.
        @ExplicitNull public var at: String?
        public var message: String
        @ExplicitNull public var remedy: String?
        /// How often it was tried since then, that time included.
        public var tries: Int

        public init(at: Int?, message: String, remedy: String?, tries: Int = 1) {
            self.at = at.map(JSON.timestamp)
            self.message = message
            self.remedy = remedy
            self.tries = tries
        }
    }

    public init(
        name: String, uuid: String, state: String, persistent: Bool, request: Request?, requestProblem: String?,
        devices: [Device], freeHotplugPorts: Int?, migration: Migration, lastRefusal: Refusal?
    ) {
        self.name = name
        self.uuid = uuid
        self.state = state
        self.persistent = persistent
        self.request = request
        self.requestProblem = requestProblem
        self.devices = devices
        self.freeHotplugPorts = freeHotplugPorts
        self.migration = migration
        self.lastRefusal = lastRefusal
    }
}

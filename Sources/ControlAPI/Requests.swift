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
    /// What a claim would get, and why; makes none.
    public static let explanation = "/v1/claims/explain"
    /// The same for who can wait: a ``ClaimLine`` a line.
    public static let waitingClaims = "/v1/claims/wait"
    public static let release = "/v1/claims/release"
    public static let renewal = "/v1/claims/renew"
    public static let plan = "/v1/plan"
    public static let apply = "/v1/apply"
    /// The same, with an ``ApplyLine`` now and then while it goes on.
    public static let applySteps = "/v1/apply/steps"
    public static let inject = "/v1/domains/inject"
    public static let attach = "/v1/domains/attach"
    public static let detach = "/v1/domains/detach"
    public static let hooks = "/v1/hooks"
    public static let audit = "/v1/audit"
    public static let events = "/v1/events"
    /// An ``EventsDocument/Entry`` a line, for as long as the client listens.
    public static let newEvents = "/v1/events/follow"
    public static let recover = "/v1/recover"
    public static let ledger = "/v1/ledger"
    public static let ledgerBackup = "/v1/ledger/backup"
    public static let ledgerRestore = "/v1/ledger/restore"
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
    /// nil: the pool's.
    public var spread: Spread?
    public var mac: MACAddress?
    public var vlan: VLANID?
    /// The VLAN's priority, 0 to 7.
    public var qos: Int?
    public var vlanProtocol: VLANProtocol?
    public var trust: Bool?
    public var spoofCheck: Bool?
    public var linkState: VFSettings.LinkState?
    /// Mbit/s; 0 is none.
    public var minTxRate: Int?
    /// Mbit/s; 0 is no limit.
    public var maxTxRate: Int?
    /// What the device is called in the owner's domain.
    public var name: String?
    /// How long the claim lives unless it is renewed; nil for ever.
    public var ttlSeconds: Int?
    /// How long to wait where that is asked for.
    public var waitSeconds: Int?

    public init(
        pool: String, count: Int, owner: String?, numa: NUMAPolicy?, spread: Spread? = nil, mac: MACAddress?,
        vlan: VLANID?, qos: Int? = nil,
        vlanProtocol: VLANProtocol? = nil, trust: Bool?, spoofCheck: Bool? = nil,
        linkState: VFSettings.LinkState? = nil, minTxRate: Int? = nil, maxTxRate: Int? = nil, name: String?,
        waitSeconds: Int? = nil,
        ttlSeconds: Int? = nil
    ) {
        self.pool = pool
        self.count = count
        self.owner = owner
        self.numa = numa
        self.spread = spread
        self.mac = mac
        self.vlan = vlan
        self.qos = qos
        self.vlanProtocol = vlanProtocol
        self.trust = trust
        self.spoofCheck = spoofCheck
        self.linkState = linkState
        self.minTxRate = minTxRate
        self.maxTxRate = maxTxRate
        self.name = name
        self.waitSeconds = waitSeconds
        self.ttlSeconds = ttlSeconds
    }

    /// - Throws: `MalformedValue` for less than a second, and for more than a year.
    public func life() throws(MalformedValue) -> Int? {
        guard let ttlSeconds, !(1...31_536_000).contains(ttlSeconds) else { return ttlSeconds }
        throw MalformedValue(kind: "time to live", text: String(ttlSeconds), expected: "1 to 31536000 seconds")
    }

    /// - Throws: `MalformedValue` for no time at all, and for more than a day.
    public func patience() throws(MalformedValue) -> Duration {
        guard let waitSeconds, (1...86400).contains(waitSeconds) else {
            throw MalformedValue(
                kind: "time to wait", text: waitSeconds.map(String.init) ?? "", expected: "1 to 86400 seconds")
        }
        return .seconds(waitSeconds)
    }

    /// What is asked for of the VFs.
    ///
    /// - Throws: `MalformedValue` for a priority or protocol without a VLAN, and for numbers that no kernel takes.
    public func settings() throws(MalformedValue) -> VFSettings {
        func checked(_ number: Int?, _ kind: String, upTo limit: Int) throws(MalformedValue) -> Int? {
            guard let number, !(0...limit).contains(number) else { return number }
            throw MalformedValue(kind: kind, text: String(number), expected: "a number from 0 to \(limit)")
        }
        let priority = try checked(qos, "priority", upTo: 7)
        if vlan == nil, let qos {
            throw MalformedValue(
                kind: "VLAN's priority", text: String(qos), expected: "a VLAN to be given along with it")
        }
        if vlan == nil, let vlanProtocol {
            throw MalformedValue(
                kind: "VLAN's protocol", text: vlanProtocol.rawValue, expected: "a VLAN to be given along with it")
        }
        let minimum = try checked(minTxRate, "rate", upTo: Int(UInt32.max))
        let maximum = try checked(maxTxRate, "rate", upTo: Int(UInt32.max))
        if let minimum, let maximum, maximum > 0, minimum > maximum {
            throw MalformedValue(
                kind: "minimum rate", text: String(minimum), expected: "no more than the maximum of \(maximum)")
        }
        return VFSettings(
            mac: mac, vlan: vlan.map { .tag(VLANTag($0, qos: priority ?? 0, protocol: vlanProtocol ?? .dot1Q)) },
            trust: trust, spoofCheck: spoofCheck, linkState: linkState, minTxRateMbps: minimum,
            maxTxRateMbps: maximum)
    }
}

/// `POST /v1/claims/release`: these claims, or all of one owner.
public struct ReleaseRequest: Codable, Sendable {
    public var claims: [String]
    public var owner: String?
    /// Of one claim: the generation that the caller knows. In a later one nothing is released.
    public var generation: Int?

    public init(claims: [String], owner: String?, generation: Int? = nil) {
        self.claims = claims
        self.owner = owner
        self.generation = generation
    }

    /// - Throws: `MalformedValue` for a generation of more than one claim.
    public func checkedGeneration() throws(MalformedValue) -> Int? {
        guard let generation, claims.count != 1 || owner != nil else { return generation }
        throw MalformedValue(kind: "generation", text: String(generation), expected: "one claim to be given with it")
    }
}

/// `POST /v1/claims/renew`
public struct RenewRequest: Codable, Sendable {
    public var claims: [String]

    public init(claims: [String]) { self.claims = claims }
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

/// `POST /v1/recover`: a function that is to leave quarantine.
public struct RecoverRequest: Codable, Sendable {
    public var address: PCIAddress

    public init(address: PCIAddress) { self.address = address }
}

/// `POST /v1/ledger/restore`: a file on the daemon's host, which takes the ledger's place at its next start.
public struct LedgerRestoreRequest: Codable, Sendable {
    public var path: String
    /// Although claims that live now would be forgotten.
    public var force: Bool

    public init(path: String, force: Bool = false) {
        self.path = path
        self.force = force
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

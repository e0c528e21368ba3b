// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
public import Wire

/// The routes' names, in one place for server and clients.
public enum Route {
    public static let health = "/v1/health"
    /// What the daemon's records add to a diagnosis.
    public static let findings = "/v1/findings"
    public static let inventory = "/v1/inventory"
    /// An ``InventoryChange`` a line, for as long as the client listens.
    public static let inventoryChanges = "/v1/inventory/changes"
    public static let pools = "/v1/pools"
    public static let claims = "/v1/claims"
    /// What a claim would get, and why. Claims nothing.
    public static let explanation = "/v1/claims/explain"
    /// Claims, and waits for functions to become free: a ``ClaimLine`` a line.
    public static let waitingClaims = "/v1/claims/wait"
    public static let release = "/v1/claims/release"
    public static let renewal = "/v1/claims/renew"
    /// Says which function a claim has whose card is in doubt.
    public static let rebinding = "/v1/claims/rebind"
    public static let plan = "/v1/plan"
    public static let apply = "/v1/apply"
    /// The same, with an ``ApplyLine`` from time to time during the work.
    public static let applySteps = "/v1/apply/steps"
    public static let inject = "/v1/domains/inject"
    public static let attach = "/v1/domains/attach"
    public static let detach = "/v1/domains/detach"
    public static let evict = "/v1/domains/evict"
    public static let readmit = "/v1/domains/readmit"
    public static let start = "/v1/domains/start"
    public static let sync = "/v1/domains/sync"
    public static let show = "/v1/domains/show"
    public static let hooks = HookRequest.route
    public static let audit = "/v1/audit"
    public static let events = "/v1/events"
    /// An ``EventsDocument/Entry`` a line, for as long as the client listens.
    public static let newEvents = "/v1/events/follow"
    public static let recover = "/v1/recover"
    public static let ledger = "/v1/ledger"
    public static let ledgerBackup = "/v1/ledger/backup"
    public static let ledgerRestore = "/v1/ledger/restore"
}

/// Where the daemon listens by default.
public typealias SocketPath = Wire.SocketPath

/// The arguments with which libvirt called the hook.
public typealias HookRequest = Wire.HookRequest

extension HookRequest: RequestDocument {
    /// A hook of a later version may send more fields.
    public static var isOpen: Bool { true }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        // libvirt allows names that are not printable: a guest that stops must be heard.
        case .domain, .xml: .text
        case .operation, .bootID: .line(RequestLimits.name)
        case .reason: .line(0...RequestLimits.name.upperBound)
        case .sinceBoot: .number(RequestLimits.whole)
        }
    }
}

/// `POST /v1/plan`, `POST /v1/apply`
public struct PlanRequest: RequestDocument {
    /// A configuration to use instead of the host's own.
    public var configuration: ConfigurationText?
    /// The caller agrees to what the plan takes from the host itself.
    public var confirmed: Bool

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case configuration, confirmed
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .configuration: .document(ConfigurationText.self)
        case .confirmed: .flag
        }
    }

    public struct ConfigurationText: RequestDocument {
        /// The file's name, for error messages.
        public var file: String
        public var text: String

        public enum CodingKeys: String, CodingKey, CaseIterable {
            case file, text
        }

        public static func rule(for field: CodingKeys) -> FieldRule {
            switch field {
            case .file: .line(RequestLimits.path)
            case .text: .text
            }
        }

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
public struct RecoverRequest: RequestDocument {
    public var address: PCIAddress

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case address
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .address: .value(PCIAddress.self)
        }
    }

    public init(address: PCIAddress) { self.address = address }
}

/// `POST /v1/ledger/restore`: a file on the daemon's host that replaces the ledger at the next start.
public struct LedgerRestoreRequest: RequestDocument {
    public var path: String
    /// Restore even if the backup lacks live claims.
    public var force: Bool

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case path, force
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .path: .line(RequestLimits.path)
        case .force: .flag
        }
    }

    public init(path: String, force: Bool = false) {
        self.path = path
        self.force = force
    }
}

/// `POST /v1/domains/inject`: a domain XML in.
public struct InjectRequest: RequestDocument {
    public var xml: String

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case xml
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .xml: .text
        }
    }

    public init(xml: String) { self.xml = xml }
}

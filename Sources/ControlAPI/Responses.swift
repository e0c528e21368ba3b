// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `GET /v1/health`
public struct HealthDocument: Codable, Sendable {
    /// `ok`, or `degraded` when something is not as declared.
    public var status: String
    public var version: String
    /// What is not as declared, in words.
    public var problems: [String]

    public init(version: String, problems: [String] = []) {
        status = problems.isEmpty ? "ok" : "degraded"
        self.version = version
        self.problems = problems
    }
}

/// `GET /v1/pools`
public struct PoolsDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var pools: [Pool]

    public struct Pool: Codable, Sendable {
        public var name: String
        public var numa: NUMAPolicy
        public var total: Int
        public var free: Int
        public var nodes: [Node]
        public var functions: [PCIAddress]

        public init(
            name: String, numa: NUMAPolicy, total: Int, free: Int, nodes: [Node], functions: [PCIAddress]
        ) {
            self.name = name
            self.numa = numa
            self.total = total
            self.free = free
            self.nodes = nodes
            self.functions = functions
        }
    }

    public struct Node: Codable, Sendable {
        @ExplicitNull public var node: Int?
        public var free: Int

        public init(node: Int?, free: Int) {
            self.node = node
            self.free = free
        }
    }

    public init(pools: [Pool]) { self.pools = pools }
}

/// `GET /v1/claims`, `POST /v1/claims`, `POST /v1/claims/release`
public struct ClaimsDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var claims: [Claim]

    public struct Claim: Codable, Sendable {
        public var id: String
        public var generation: Int
        public var pool: String
        public var owner: Owner
        public var ownerName: String
        public var numa: NUMAPolicy
        public var state: HostModel.Claim.State
        public var createdAt: String
        public var assignments: [Assignment]
        /// Set in the answer to a release of a claim that had been released before.
        public var alreadyReleased: Bool?
    }

    public struct Assignment: Codable, Sendable {
        public var name: String
        public var address: PCIAddress
        @ExplicitNull public var numaNode: Int?
        public var iommuGroup: Int
        @ExplicitNull public var virtualFunction: VirtualFunction?
        @ExplicitNull public var mac: MACAddress?
        @ExplicitNull public var vlan: Int?
        @ExplicitNull public var trust: Bool?
    }

    public init(claims: [Claim]) { self.claims = claims }
}

extension ClaimsDocument.Claim {
    public init(_ claim: Claim, alreadyReleased: Bool? = nil) {
        id = claim.id
        generation = claim.generation
        pool = claim.pool
        owner = claim.owner
        ownerName = claim.ownerName
        numa = claim.numa
        state = claim.state
        createdAt = JSON.timestamp(claim.createdAt)
        assignments = claim.assignments.map(ClaimsDocument.Assignment.init)
        self.alreadyReleased = alreadyReleased
    }
}

extension ClaimsDocument.Assignment {
    init(_ assignment: Assignment) {
        name = assignment.name
        address = assignment.address
        numaNode = assignment.numaNode
        iommuGroup = assignment.iommuGroup
        virtualFunction = assignment.virtualFunction
        mac = assignment.settings.mac
        if case .tag(let tag)? = assignment.settings.vlan { vlan = Int(tag.id.rawValue) } else { vlan = nil }
        trust = assignment.settings.trust
    }
}

/// `POST /v1/plan`, and what `POST /v1/apply` did.
public struct PlanDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var empty: Bool
    public var physicalFunctions: [PhysicalFunction]
    public var blastRadius: Blast

    public struct PhysicalFunction: Codable, Sendable {
        public var address: PCIAddress
        public var purpose: PFPlan.Purpose
        public var changes: [Change]
    }

    /// One aspect of one function, from what it is to what it becomes.
    public struct Change: Codable, Sendable {
        public var subject: PCIAddress
        public var from: String
        public var to: String
        public var steps: [Step]
    }

    public struct Step: Codable, Sendable {
        public var action: String
        public var preconditions: [String]
        public var postconditions: [String]
    }

    public struct Blast: Codable, Sendable {
        public var functions: [PCIAddress]
        public var interfaces: [String]
    }

    public init(_ plan: Plan) {
        empty = plan.isEmpty
        physicalFunctions = plan.perPF.map { entry in
            PhysicalFunction(
                address: entry.physicalFunction, purpose: entry.purpose, changes: entry.changes.map(Change.init))
        }
        blastRadius = Blast(functions: plan.blastRadius.functions, interfaces: plan.blastRadius.interfaces)
    }
}

/// `POST /v1/apply/steps`, a line: a step that was done, or how it ended. A refusal that comes before the first step is
/// an ordinary answer.
public struct ApplyLine: Codable, Sendable {
    public var step: Step?
    /// Everything was done and verified.
    public var done: PlanDocument?
    public var error: ErrorBody.Detail?

    public struct Step: Codable, Sendable, Equatable {
        /// How many steps are done, this one with them.
        public var number: Int
        /// How many there are, as far as that was foreseen.
        public var total: Int
        /// The card that it was about.
        public var physicalFunction: PCIAddress
        public var action: String

        public init(number: Int, total: Int, physicalFunction: PCIAddress, action: String) {
            self.number = number
            self.total = total
            self.physicalFunction = physicalFunction
            self.action = action
        }
    }

    public init(step: Step? = nil, done: PlanDocument? = nil, error: ErrorBody.Detail? = nil) {
        self.step = step
        self.done = done
        self.error = error
    }
}

extension PlanDocument.Change {
    init(_ change: Change) {
        self.init(
            subject: change.to.subject, from: change.from.description, to: change.to.description,
            steps: change.steps.map { step in
                PlanDocument.Step(
                    action: step.action.description, preconditions: step.preconditions.map(\.description),
                    postconditions: step.postconditions.map(\.description))
            })
    }
}

/// `POST /v1/domains/inject`, `attach`, `detach`
public struct DomainDocument: Codable, Sendable {
    public var name: String
    @ExplicitNull public var uuid: String?
    /// The devices that were added or taken out.
    public var devices: [Device]
    public var xml: String

    public struct Device: Codable, Sendable {
        public var name: String
        public var address: PCIAddress

        public init(name: String, address: PCIAddress) {
            self.name = name
            self.address = address
        }
    }

    public init(name: String, uuid: String?, devices: [Device], xml: String) {
        self.name = name
        self.uuid = uuid
        self.devices = devices
        self.xml = xml
    }
}

/// `GET /v1/events`
public struct EventsDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var events: [Entry]

    public struct Entry: Codable, Sendable {
        public var id: Int
        public var at: String
        /// `applied`, `refused`, `failed`, `drifted`, `repaired`, `quarantined`, `recovered`, `degraded`
        public var kind: String
        public var subject: String
        public var detail: String

        public init(id: Int, at: Int, kind: String, subject: String, detail: String) {
            self.id = id
            self.at = JSON.timestamp(at)
            self.kind = kind
            self.subject = subject
            self.detail = detail
        }
    }

    public init(events: [Entry]) { self.events = events }
}

/// `GET /v1/audit`
public struct AuditDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var entries: [Entry]

    public struct Entry: Codable, Sendable {
        public var id: Int
        public var at: String
        @ExplicitNull public var uid: Int?
        @ExplicitNull public var pid: Int?
        public var verb: String
        public var subject: String
        public var detail: String
        public var result: String

        public init(
            id: Int, at: String, uid: Int?, pid: Int?, verb: String, subject: String, detail: String, result: String
        ) {
            self.id = id
            self.at = at
            self.uid = uid
            self.pid = pid
            self.verb = verb
            self.subject = subject
            self.detail = detail
            self.result = result
        }
    }

    public init(entries: [Entry]) { self.entries = entries }
}

/// What `buslane config check --json` prints.
public struct ConfigurationCheckDocument: Codable, Sendable, Equatable {
    public var schemaVersion = 1
    /// As they were read.
    public var files: [String]
    public var valid: Bool
    /// Whether the selectors were tried on a host.
    public var comparedWithHost: Bool
    public var errors: [Remark]
    public var notes: [Remark]

    public struct Remark: Codable, Sendable, Equatable {
        public var file: String
        /// 1-based; null when the file as a whole is meant.
        @ExplicitNull public var line: Int?
        @ExplicitNull public var column: Int?
        public var message: String
        @ExplicitNull public var remedy: String?

        public init(file: String, line: Int?, column: Int?, message: String, remedy: String?) {
            self.file = file
            self.line = line
            self.column = column
            self.message = message
            self.remedy = remedy
        }
    }

    public init(files: [String], valid: Bool, comparedWithHost: Bool, errors: [Remark], notes: [Remark]) {
        self.files = files
        self.valid = valid
        self.comparedWithHost = comparedWithHost
        self.errors = errors
        self.notes = notes
    }
}

/// `POST /v1/claims/explain`
public struct ExplanationDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var candidates: [Candidate]
    /// Why the claim would be refused; null when it would be granted.
    @ExplicitNull public var refusal: ErrorBody.Detail?

    public struct Candidate: Codable, Sendable {
        public var address: PCIAddress
        public var card: PCIAddress
        @ExplicitNull public var numaNode: Int?
        public var taken: Bool
        public var free: Bool
        /// One line.
        public var reason: String
    }

    public init(_ explanation: Placement.Explanation) {
        candidates = explanation.candidates.map { candidate in
            var free = true
            if case .obstructed = candidate.verdict { free = false }
            return Candidate(
                address: candidate.address, card: candidate.card, numaNode: candidate.numaNode,
                taken: candidate.verdict == .chosen, free: free, reason: candidate.verdict.description)
        }
        refusal = explanation.refusal.map { ErrorBody($0).error }
    }
}

/// `POST /v1/claims/wait`, a line: how many are before, at least one a second, and at the end how it ended.
public struct ClaimLine: Codable, Sendable {
    /// 0 is next.
    public var before: Int?
    public var made: ClaimsDocument?
    public var error: ErrorBody.Detail?

    public init(before: Int? = nil, made: ClaimsDocument? = nil, error: ErrorBody.Detail? = nil) {
        self.before = before
        self.made = made
        self.error = error
    }
}

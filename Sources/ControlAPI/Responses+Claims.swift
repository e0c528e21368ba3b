// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

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
        /// How long it lives unless it is renewed; null for one that has no end.
        @ExplicitNull public var ttlSeconds: Int?
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
        /// For a companion, the name of the requested device on the same card and in the same IOMMU group; otherwise
        /// null.
        @ExplicitNull public var companionOf: String?
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
        ttlSeconds = claim.life?.seconds
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
        companionOf = assignment.companionOf
    }
}

/// `POST /v1/claims/explain`
public struct ExplanationDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var candidates: [Candidate]
    /// Why the claim would be refused; null when it would be granted.
    @ExplicitNull public var refusal: ErrorBody.Detail?
    /// Whether the same request can succeed later; absent without a refusal.
    public var refusalIsTemporary: Bool?

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
        refusalIsTemporary = explanation.refusal?.isTemporary
    }
}

/// `POST /v1/claims/wait`, a line: how many are before, at least one a second, and at the end how it ended.
public struct ClaimLine: Codable, Sendable {
    /// 0 is next.
    public var before: Int?
    public var made: ClaimsDocument?
    public var error: ErrorBody.Detail?
    /// Whether the same request can succeed later; absent without an error.
    public var errorIsTemporary: Bool?

    public init(before: Int? = nil, made: ClaimsDocument? = nil) {
        self.before = before
        self.made = made
    }

    public init(error: ErrorBody.Detail, isTemporary: Bool) {
        self.error = error
        errorIsTemporary = isTemporary
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `GET /v1/health`
public struct HealthDocument: Codable, Sendable {
    /// `ok`, or `degraded` if there are problems.
    public var status: String
    public var version: String
    /// Differences from the declared state, in words.
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

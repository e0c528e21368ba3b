// SPDX-License-Identifier: GPL-3.0-or-later
import Wire

/// `GET /v1/audit`: a page of the audit trail.
public struct AuditDocument: Codable, Sendable {
    public var schemaVersion = 1
    /// Oldest first.
    public var entries: [Entry]
    /// Ask with `before` for the entries before this page; null at the first.
    @ExplicitNull public var older: Int?
    /// Ask with `after` for the entries after this page; null at the last.
    @ExplicitNull public var newer: Int?

    public struct Entry: Codable, Sendable {
        public var id: Int
        public var at: String
        @ExplicitNull public var uid: Int?
        @ExplicitNull public var pid: Int?
        public var verb: String
        public var subject: String
        public var detail: String
        public var result: String
        /// More than 1: that many equal refusals or failures, of which this is the last.
        public var times: Int

        /// - Parameter at: seconds since 1970.
        public init(
            id: Int, at: Int, uid: Int?, pid: Int?, verb: String, subject: String, detail: String, result: String,
            times: Int
        ) {
            self.id = id
            self.at = JSON.timestamp(at)
            self.uid = uid
            self.pid = pid
            self.verb = verb
            self.subject = subject
            self.detail = detail
            self.result = result
            self.times = times
        }
    }

    public init(entries: [Entry], older: Int? = nil, newer: Int? = nil) {
        self.entries = entries
        self.older = older
        self.newer = newer
    }
}

/// The text of an ``AuditDocument`` that is written while its entries are read.
public struct AuditText {
    /// The depth of an entry: in the list, in the document.
    private static let depth = 2
    private var isContinued = false

    public init() {}

    public var opening: [UInt8] { Array("{\n  \"schemaVersion\": 1,\n  \"entries\": [".utf8) }

    /// The text of the next entries.
    public mutating func text(of entries: [AuditDocument.Entry]) throws -> [UInt8] {
        var json = JSONText(insideListAt: Self.depth, isContinued: isContinued)
        for entry in entries {
            json.entry(at: Self.depth)
            try json.write(encoded: entry)
        }
        if !entries.isEmpty { isContinued = true }
        return json.bytes
    }

    public func closing(older: Int?, newer: Int?) -> [UInt8] {
        let (older, newer) = (older.map(String.init) ?? "null", newer.map(String.init) ?? "null")
        return Array((isContinued ? "\n  ]" : "]").utf8)
            + Array(",\n  \"older\": \(older),\n  \"newer\": \(newer)\n}".utf8)
    }
}

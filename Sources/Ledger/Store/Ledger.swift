// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
public import HostModel

/// The store of claims, intents and the audit trail: the truth about ownership.
///
/// Lies at `/var/lib/buslane/ledger.sqlite`. Every write is durable when it returns (WAL, `synchronous=FULL`); that something
/// is on its way to be changed outlives the daemon at once, and the power with the next write.
/// Losing it loses who owns what; the host's own state it never claims to know.
///
/// Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous.
public final class Ledger: Sendable {
    let database: any DatabaseWriter
    let commits: Commits
    let live = OwnershipCache()
    /// Where questions are asked, one after the other: never on the caller's thread, which others may need to go on, and
    /// with half the turns between threads that GRDB's own way takes.
    private let reading = DispatchQueue(label: "buslane.ledger.reading")
    private let lock: FileLock?
    private let now: @Sendable () -> Int

    /// Opens the ledger, makes it where it is missing, and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - path: the file; nil for one in memory, which tests use.
    ///   - now: seconds since 1970.
    /// - Throws: GRDB's `DatabaseError` when the file cannot be opened or is not a ledger.
    public convenience init(path: String?, now: @escaping @Sendable () -> Int = Ledger.wallClock) throws {
        try self.init(path: path, lock: nil, now: now)
    }

    /// - Parameter lock: kept for as long as the ledger is.
    init(path: String?, lock: FileLock?, now: @escaping @Sendable () -> Int) throws {
        self.lock = lock
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        if let path {
            // A claim changes a row here and there, and a commit writes whole pages. Counts for a new file alone.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA page_size = 1024") }
            let pool = try DatabasePool(path: path, configuration: configuration)
            // The pool switches its writer to NORMAL when it sets up WAL, after the configuration had its say: a
            // commit could then be lost with the power.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            database = pool
        } else {
            database = try DatabaseQueue(configuration: configuration)
        }
        commits = Commits(database, path: path, undone: live.forget)
        self.now = now
        try Migrations.migrator.migrate(database)
    }

    func read<Value: Sendable>(_ question: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            // Of the ledger itself nothing is kept: who has the answer may be the last who has it.
            reading.async { [database] in continuation.resume(with: Result { try database.read(question) }) }
        }
    }

    /// Seconds since 1970, by the ledger's clock.
    public func timestamp() -> Int { now() }

    /// Seconds since 1970, from the system's clock.
    public static let wallClock: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
}

extension Ledger {
    /// What planning must respect. The open groups are the host's to tell, and empty here.
    public func holdings() async throws -> Holdings {
        try await read { db in
            var holdings = try Self.holdings(db)
            holdings.declared = try Self.declared(db)
            return holdings
        }
    }

    static func holdings(_ db: Database) throws -> Holdings {
        var holdings = Holdings(claims: try liveClaims(db), quarantine: try quarantine(db))
        for row in try db.rows("SELECT physicalFunction, state FROM original") {
            holdings.originals[try PCIAddress(row["physicalFunction"])] = try fromJSON(row["state"])
        }
        return holdings
    }

    /// By function: the live claim that has it.
    static func liveClaims(_ db: Database) throws -> [PCIAddress: Holdings.ClaimReference] {
        var claims: [PCIAddress: Holdings.ClaimReference] = [:]
        let rows = try db.rows(
            """
                SELECT assignment.address, claim.number, claim.owner, claim.ownerName
                FROM assignment JOIN claim ON claim.number = assignment.claim
            """)
        for row in rows {
            claims[try PCIAddress(row["address"])] = Holdings.ClaimReference(
                id: claimID(row["number"]), owner: try Owner(row["owner"]), ownerName: row["ownerName"])
        }
        return claims
    }

    /// `c17` for 17.
    static func claimID(_ number: Int) -> String { "c\(number)" }

    /// 17 for `c17`; nil for what is no claim's id.
    static func number(ofClaim id: String) -> Int? {
        id.hasPrefix("c") ? Int(id.dropFirst()).flatMap { claimID($0) == id ? $0 : nil } : nil
    }
}

extension Database {
    /// Carries out one statement, which is kept for the next time: to make it out of its text takes longer than most of
    /// them take.
    func run(_ sql: String, _ arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// All rows of a query, which is kept in the same way.
    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }
}

func toJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func fromJSON<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
}

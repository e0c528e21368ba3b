// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB

/// The store of claims, intents and the audit trail: the truth about ownership. It stores, and decides nothing.
///
/// The file is `/var/lib/buslane/ledger.sqlite`. A write has reached the disk when its call returns (WAL,
/// `synchronous=FULL`). An intent survives a daemon crash at once, and a power loss after the next synced write.
/// If the ledger is lost, nobody knows who owns what. It never records the host's own state.
///
/// Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous.
public final class Ledger: Sendable {
    let database: any DatabaseWriter
    let commits: Commits
    /// It holds the database, not the ledger: a caller that has its answer and drops the last reference to the ledger
    /// must find the file's lock released at once.
    let queries: Queries
    let ownership = OwnershipCache()
    /// Moves claims from state to state.
    public let transitions: ClaimTransitions
    /// The claims that expire.
    public let lives: ClaimLives
    /// The cards that its rows are about.
    public let cards: CardRecords
    /// The audit trail, to be read.
    public let trail: AuditTrail
    private let lock: FileLock?
    private let now: @Sendable () -> Int

    /// Opens the ledger, creates it if it is missing, and migrates its schema to this version's.
    ///
    /// - Parameters:
    ///   - path: the file; nil for a ledger in memory, which tests use.
    ///   - now: seconds since 1970.
    /// - Throws: GRDB's `DatabaseError` when the file cannot be opened or is not a ledger.
    public convenience init(path: String?, now: @escaping @Sendable () -> Int = Ledger.wallClock) throws {
        try self.init(path: path, lock: nil, now: now)
    }

    /// - Parameter lock: released when the ledger is deallocated.
    init(path: String?, lock: FileLock?, now: @escaping @Sendable () -> Int) throws {
        self.lock = lock
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        if let path {
            // A claim changes a few rows in different places, and a commit writes whole pages. SQLite applies the page
            // size to a new file only.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA page_size = 1024") }
            let pool = try DatabasePool(path: path, configuration: configuration)
            // The pool sets its writer to NORMAL when it sets up WAL, which is after the configuration has run. With
            // NORMAL a power loss could undo a commit.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            database = pool
        } else {
            database = try DatabaseQueue(configuration: configuration)
        }
        commits = Commits(database, path: path, undone: ownership.forget)
        queries = Queries(database)
        transitions = ClaimTransitions(commits: commits, ownership: ownership, now: now)
        lives = ClaimLives(commits: commits, queries: queries, now: now)
        cards = CardRecords(commits: commits, queries: queries, ownership: ownership, now: now)
        trail = AuditTrail(queries: queries)
        self.now = now
        try Migrations.migrator.migrate(database)
    }

    /// Seconds since 1970, from the clock that the ledger was opened with.
    public func timestamp() -> Int { now() }

    /// Seconds since 1970, from the system's clock.
    public static let wallClock: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
}

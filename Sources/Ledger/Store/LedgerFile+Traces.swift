// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB

/// Tells a first start from the loss of an earlier ledger.
extension LedgerFile {
    /// Exists beside each ledger that has begun.
    var begun: String { path + ".begun" }

    func markBeginning() throws {
        if isThere(begun) { return }
        let text = "A ledger was begun here. If \(URL(filePath: path).lastPathComponent) is missing, it was lost.\n"
        try Data(text.utf8).write(to: URL(filePath: begun), options: .atomic)
    }

    /// Whether the file is a ledger that a daemon has begun, or one of an earlier version that has rows.
    func hasBegun() throws -> Bool { try !isMissing && DatabaseQueue(path: path).read(Self.hasBegun) }

    /// The `user_version` of a ledger that has begun: `lane`. Another program's database can have a small one.
    static let beginning = 0x6c61_6e65

    static func hasBegun(_ db: Database) throws -> Bool {
        guard try db.tableExists("claim") else { return false }
        if try Int.fetchOne(db, sql: "PRAGMA user_version") == beginning { return true }
        return try ["claim", "audit", "event", "intent", "declared", "original", "quarantine"].contains { table in
            try db.tableExists(table) && Row.fetchOne(db, sql: "SELECT 1 FROM \(table) LIMIT 1") != nil
        }
    }

    /// Why the ledger is lost, and the word for the name under which the rest of it is kept; nil if it is not lost.
    ///
    /// It is lost when it is damaged, and when it is missing or empty although an earlier one left a trace.
    func reasonOfLoss() throws -> (reason: String, word: String)? {
        // SQLite must not open a missing or empty database: it deletes the log of one.
        if isMissing {
            let state = isThere(path) ? "empty" : "missing"
            return firstTrace.map { ("it is \(state), but an earlier one left \($0)", "lost") }
        }
        if let problem = try Self.problems(of: path).first {
            return ("it could not be read (\(problem))", "unreadable")
        }
        guard try !hasBegun() else { return nil }
        return firstTrace.map { ("it is empty, but an earlier one left \($0)", "lost") }
    }

    /// Without a file, or with one of no bytes.
    private var isMissing: Bool {
        let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        return (size ?? 0) == 0
    }

    private var firstTrace: String? {
        // A log beside a database belongs to it.
        let logs = isMissing ? ["-wal", "-journal", "-shm"].map { path + $0 } : []
        return (logs + [begun]).first(where: isThere) ?? keptCopy ?? traces.first(where: isThere)
    }

    /// A backup, a copy from before a migration, or a file that was kept aside.
    private var keptCopy: String? {
        let ledger = URL(filePath: path)
        let folder = ledger.deletingLastPathComponent()
        func first(in folder: URL, startingWith prefixes: [String]) -> String? {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.sorted().first { name in prefixes.contains { name.hasPrefix($0) } }
                .map { folder.appending(path: $0).path }
        }
        let kept = ["unreadable", "replaced", "lost", "schema"].map { "\(ledger.lastPathComponent).\($0)-" }
        return first(in: folder, startingWith: kept)
            ?? first(in: folder.appending(path: "backups"), startingWith: ["ledger-"])
    }
}

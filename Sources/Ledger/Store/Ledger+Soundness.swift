// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB

extension Ledger {
    /// Every defect found in the ledger; empty for a sound one.
    public func problems() async throws -> [String] {
        try await database.read { try Self.problems($0, thoroughly: true) }
    }

    /// - Parameter thoroughly: also compare each index with its table.
    static func problems(_ db: Database, thoroughly: Bool) throws -> [String] {
        let check = thoroughly ? "integrity_check" : "quick_check"
        var found = try String.fetchAll(db, sql: "PRAGMA \(check)(20)").filter { $0 != "ok" }
        found += try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
            "a row of table \(row[0] as String? ?? "?") refers to a missing row of table \(row[2] as String? ?? "?")"
        }
        guard try found.isEmpty && db.tableExists("assignment") else { return found }
        return try Int.fetchAll(
            db,
            sql: """
                SELECT number FROM claim JOIN assignment ON claim = number WHERE state = 'released'
                """
        ).map { "claim c\($0) is released but still has functions" }
    }
}

extension LedgerFile {
    /// Every defect found in a file; empty for a sound file and for a missing one.
    static func problems(of path: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        do {
            return try DatabaseQueue(path: path).read { try Ledger.problems($0, thoroughly: false) }
        } catch let error as DatabaseError
            where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode.primaryResultCode)
        {
            return ["\(error)"]
        }
    }
}

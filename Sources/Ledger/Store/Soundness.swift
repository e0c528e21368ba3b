// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB

/// Finds the defects of a database that is, or may be, a ledger.
struct Soundness {
    /// Also compares each index with its table.
    let isThorough: Bool

    /// Every defect; empty for a sound database.
    func problems(_ db: Database) throws -> [String] {
        let check = isThorough ? "integrity_check" : "quick_check"
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

extension Ledger {
    /// Every defect found in the ledger; empty for a sound one.
    public func problems() async throws -> [String] {
        try await database.read { try Soundness(isThorough: true).problems($0) }
    }
}

extension LedgerFile {
    /// Every defect found in a file; empty for a sound file and for a missing one.
    static func problems(of path: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        do {
            return try DatabaseQueue(path: path).read { try Soundness(isThorough: false).problems($0) }
        } catch let error as DatabaseError
            where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode.primaryResultCode)
        {
            return ["\(error)"]
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// A change that was recorded before it was made, and is not verified yet.
public struct Intent: Sendable, Identifiable {
    public let id: Int
    public let bootID: String
    public let purpose: Recovery.Purpose
    /// The claim that it is made for; nil for a change that no claim needs.
    public let claim: String?
    public let from: Aspect
    public let to: Aspect

    /// The data that recovery needs beside the change itself.
    public struct Context: Sendable {
        public let bootID: String
        public let purpose: Recovery.Purpose
        public let claim: String?

        public init(bootID: String, purpose: Recovery.Purpose, claim: String? = nil) {
            self.bootID = bootID
            self.purpose = purpose
            self.claim = claim
        }
    }
}

extension Ledger {
    /// Records changes that are about to be made, and closes the intents of changes that were verified, in one commit.
    ///
    /// - Returns: the ids of the new intents, one for each change.
    public func open(
        _ changes: [Change], context: Intent.Context, closing previous: [Int] = []
    ) async throws -> [Int] {
        let openedAt = timestamp()
        return try await commits.run(outliving: .process) { db in
            try Self.close(previous, db)
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO intent (bootID, purpose, claim, subject, goingFrom, goingTo, openedAt)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """)
            return try changes.map { change in
                try insert.execute(arguments: [
                    context.bootID, context.purpose.rawValue, context.claim.flatMap(Self.number(ofClaim:)),
                    change.to.subject.description, try toJSON(change.from), try toJSON(change.to), openedAt,
                ])
                return Int(db.lastInsertedRowID)
            }
        }
    }

    /// Closes intents whose changes were verified, undone or recovered.
    public func close(intents ids: [Int]) async throws {
        if !ids.isEmpty { try await commits.run(outliving: .process) { try Self.close(ids, $0) } }
    }

    static func close(_ intents: [Int], _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM intent WHERE id = ?")
        for id in intents { try delete.execute(arguments: [id]) }
    }

    /// The intents that are open, oldest first. At the daemon's start these are what an earlier process left.
    public func openIntents() async throws -> [Intent] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM intent ORDER BY id").map { row in
                Intent(
                    id: row["id"], bootID: row["bootID"],
                    purpose: Recovery.Purpose(rawValue: row["purpose"]) ?? .apply,
                    claim: (row["claim"] as Int?).map(Self.claimID), from: try fromJSON(row["goingFrom"]),
                    to: try fromJSON(row["goingTo"]))
            }
        }
    }
}

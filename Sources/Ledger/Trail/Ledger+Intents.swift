// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// A change that is recorded but not yet verified.
public struct Intent: Sendable, Identifiable {
    public let id: Int
    public let bootID: String
    public let purpose: Recovery.Purpose
    /// The claim it is for, where it is for one.
    public let claim: String?
    public let from: Aspect
    public let to: Aspect

    /// Where a change stands in the work: what recovery needs beside the change itself.
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
    /// Writes down that changes are about to be made, and that those before them were verified, in one commit.
    ///
    /// - Returns: the new intents' ids, one for each change.
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

    /// The changes were verified, or undone, or recovered from.
    public func close(intents ids: [Int]) async throws {
        if !ids.isEmpty { try await commits.run(outliving: .process) { try Self.close(ids, $0) } }
    }

    static func close(_ intents: [Int], _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM intent WHERE id = ?")
        for id in intents { try delete.execute(arguments: [id]) }
    }

    /// What an earlier process left open, oldest first.
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

    /// Remembers how PFs were found. Only the first word counts: later ones describe what Buslane made of them.
    public func recordOriginals(_ originals: [PCIAddress: PFOriginal]) async throws {
        if originals.isEmpty { return }
        try await commits.run { db in
            for (physicalFunction, original) in originals {
                try db.execute(
                    sql: "INSERT INTO original (physicalFunction, state) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    arguments: [physicalFunction.description, try toJSON(original)])
            }
        }
    }

    /// The PF is as it was found.
    public func forgetOriginal(of physicalFunction: PCIAddress) async throws {
        try await commits.run { db in
            try db.execute(
                sql: "DELETE FROM original WHERE physicalFunction = ?", arguments: [physicalFunction.description])
        }
    }
}

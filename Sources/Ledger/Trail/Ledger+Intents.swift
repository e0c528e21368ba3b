// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Records changes that are about to be made, and closes the intents of changes that were verified, in one commit.
    ///
    /// - Returns: the ids of the new intents, one for each change.
    public func open(
        _ changes: [Change], context: Intent.Context, closing previous: [Int] = []
    ) async throws -> [Int] {
        let openedAt = timestamp()
        return try await commits.run(outliving: .process) { db in
            try db.intents.remove(previous)
            return try db.intents.add(changes, context: context, at: openedAt)
        }
    }

    /// Closes intents whose changes were verified, undone or recovered.
    public func close(intents ids: [Int]) async throws {
        if !ids.isEmpty { try await commits.run(outliving: .process) { try $0.intents.remove(ids) } }
    }

    /// The intents that are open, oldest first. At the daemon's start these are what an earlier process left.
    public func openIntents() async throws -> [Intent] { try await queries.run { try $0.intents.all() } }
}

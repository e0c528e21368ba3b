// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Changes the settings that a claim demands for one of its devices. Its original state stays recorded.
    ///
    /// - Returns: false if the claim is not `bound` or has another generation. Then nothing is written.
    public func changeSettings(
        _ settings: VFSettings, ofDevice name: String, inClaim id: String, generation: Int
    ) async throws -> Bool {
        let number = Self.number(ofClaim: id)
        return try await commits.run { db in
            try db.execute(
                sql: """
                    UPDATE assignment SET settings = ? WHERE claim = ? AND name = ? AND EXISTS (
                        SELECT 1 FROM claim WHERE number = assignment.claim AND state = 'bound' AND generation = ?)
                    """,
                arguments: [try toJSON(settings), number, name, generation])
            return db.changesCount == 1
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// `GET /v1/ledger`, `POST /v1/ledger/backup`, `POST /v1/ledger/restore`
public struct LedgerDocument: Codable, Sendable {
    public var schemaVersion = 1
    /// The file that the answer is about: the ledger, a backup that was made, or the backup to restore.
    public var path: String
    /// Its problems in words; empty if it is sound.
    public var problems: [String]

    public init(path: String, problems: [String] = []) {
        self.path = path
        self.problems = problems
    }
}

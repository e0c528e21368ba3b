// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import Glibc

extension LedgerFile {
    /// Prepares a backup to be restored: ``open(now:)`` puts a copy of it in the ledger's place at the daemon's next
    /// start.
    ///
    /// - Parameter force: restore it even if it does not contain all live claims.
    /// - Throws: ``Trouble`` for a file that is not a sound ledger, that a later version wrote, or, unless forced, that
    ///   does not contain all live claims.
    public func restore(from candidate: String, replacing ledger: Ledger, force: Bool) async throws {
        let problems = try Self.problems(of: candidate)
        guard problems.isEmpty, isThere(candidate) else {
            throw Trouble.unusable(candidate, problems.isEmpty ? ["there is no such file"] : problems)
        }
        let offered = try DatabaseQueue(path: candidate)
        guard try await offered.read({ try $0.tableExists("grdb_migrations") && $0.tableExists("claim") }) else {
            throw Trouble.unusable(candidate, ["it has no claims table"])
        }
        guard try await !offered.read({ try Migrations.migrator.hasBeenSuperseded($0) }) else {
            throw Trouble.newer(candidate)
        }
        let live = "SELECT claim || ' ' || address FROM assignment"
        let known = Set(try await offered.read { try String.fetchAll($0, sql: live) })
        let forgotten = try await ledger.database.read { try String.fetchAll($0, sql: live) }.filter {
            !known.contains($0)
        }
        guard force || forgotten.isEmpty else {
            throw Trouble.wouldForget(forgotten.map { "c" + $0.replacing(" ", with: " on ") })
        }
        try offered.close()
        try Self.copy(candidate, to: restored)
    }

    /// Copies the ledger while it is in use, into the folder `backups` beside it.
    ///
    /// - Returns: the copy's path.
    public func backup(of ledger: Ledger, at time: Int) throws -> String {
        let folder = URL(filePath: path).deletingLastPathComponent().appending(path: "backups")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
        let copy = free(folder.appending(path: "ledger-\(Self.stamp(time)).sqlite").path)
        try Self.copy(ledger.database, to: copy)
        return copy
    }

    static func copy(_ path: String, to copy: String) throws {
        try self.copy(try DatabaseQueue(path: path), to: copy)
    }

    /// When it returns the copy is complete and on disk. If it fails there is no copy.
    static func copy(_ source: any DatabaseReader, to copy: String) throws {
        let half = copy + ".part"
        try? FileManager.default.removeItem(atPath: half)
        let target = try DatabaseQueue(path: half)
        try source.backup(to: target)
        // One file: a copy in WAL mode would have a log beside it.
        try target.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        try target.close()
        // SAFETY: the strings live until the calls return.
        let file = unsafe Glibc.open(half, O_RDONLY | O_CLOEXEC)
        if file >= 0 {
            fsync(file)
            close(file)
        }
        guard unsafe rename(half, copy) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
}

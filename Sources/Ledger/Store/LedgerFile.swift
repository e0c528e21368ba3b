// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import Glibc
public import HostModel

/// A ledger's place in its folder: that one daemon has it, and that no file is ever written over that somebody may need.
public struct LedgerFile: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// Why the file cannot be used. Nothing was changed.
    public enum Trouble: Reportable, Hashable {
        case inUse(String)
        case newer(String)
        case unusable(String, [String])
        /// The offered file does not have these live claims.
        case wouldForget([String])

        public var report: ErrorReport {
            switch self {
            case .inUse(let path):
                ErrorReport(
                    .conflict, "ledger", "ledger", "\(path) is in use by another buslaned",
                    remedy: "stop the other buslaned")
            case .newer(let path):
                ErrorReport(
                    .conflict, "ledger", "ledger", "\(path) was written by a later version of Buslane",
                    remedy: "use the version that wrote it")
            case .unusable(let path, let problems):
                ErrorReport(
                    .conflict, "ledger", "ledger", "\(path) is not a usable ledger: \(problems.joined(separator: "; "))"
                )
            case .wouldForget(let claims):
                ErrorReport(
                    .conflict, "ledger", "ledger",
                    "the offered ledger lacks live claims: \(claims.joined(separator: ", "))",
                    remedy: "release them first, or restore with --force: their functions then have no owner")
            }
        }
    }

    /// A ledger that could not be read, and is kept beside the new one.
    public struct Loss: Sendable, Hashable, Codable {
        public let reason: String
        public let keptAs: String

        public init(reason: String, keptAs: String) {
            self.reason = reason
            self.keptAs = keptAs
        }
    }

    /// Takes the file for this process, puts in its place what was to be restored, looks whether it is sound, keeps a
    /// copy of it before its schema changes, and opens it.
    ///
    /// - Returns: the ledger, a new one when the old one was unsound.
    /// - Throws: ``Trouble/inUse(_:)``, ``Trouble/newer(_:)``; `DatabaseError` for a file that cannot be opened.
    public func open(now: @escaping @Sendable () -> Int = Ledger.wallClock) throws -> (ledger: Ledger, loss: Loss?) {
        guard let lock = try FileLock(path + ".lock") else { throw Trouble.inUse(path) }
        if isThere(restored) {
            try move(to: asideName("replaced", now()))
            try FileManager.default.moveItem(atPath: restored, toPath: path)
        }
        if let problem = try Self.problems(of: path).first {
            let name = asideName("unreadable", now())
            // Before the file is moved: who ends in between must not take the new, empty ledger for the truth.
            try JSONEncoder().encode(Loss(reason: problem, keptAs: name)).write(
                to: URL(filePath: lost), options: .atomic)
            try move(to: name)
        }
        let loss =
            try isThere(lost) ? JSONDecoder().decode(Loss.self, from: Data(contentsOf: URL(filePath: lost))) : nil
        try keepBeforeMigration(now())
        return (try Ledger(path: path, lock: lock, now: now), loss)
    }

    /// What the loss of a ledger asks for was done: from now on the new one is the truth.
    public func forgetLoss() throws {
        if isThere(lost) { try FileManager.default.removeItem(atPath: lost) }
    }

    /// What is wrong with a file; none when it is sound or not there.
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

    /// Offers a file that ``open(now:)`` puts in the ledger's place at the daemon's next start.
    ///
    /// - Parameter force: although live claims would be forgotten.
    /// - Throws: ``Trouble``.
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

    /// A copy that SQLite makes of the ledger while it is in use, in the folder `backups` beside it.
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

    // MARK: Files

    private var restored: String { path + ".restore" }

    /// There for as long as a loss has not been dealt with.
    private var lost: String { path + ".lost" }

    private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func keepBeforeMigration(_ time: Int) throws {
        guard isThere(path) else { return }
        let queue = try DatabaseQueue(path: path)
        let (applied, superseded, isCurrent) = try queue.read { db in
            let migrator = Migrations.migrator
            return (
                try migrator.appliedMigrations(db).count, try migrator.hasBeenSuperseded(db),
                try migrator.hasCompletedMigrations(db)
            )
        }
        if superseded { throw Trouble.newer(path) }
        guard applied > 0, !isCurrent else { return }
        try Self.copy(queue, to: free("\(path).schema-\(applied)-\(Self.stamp(time))"))
    }

    private func asideName(_ word: String, _ time: Int) -> String { free("\(path).\(word)-\(Self.stamp(time))") }

    /// Moves the ledger out of the way, with the files that belong to it; the log first, which must not be taken for that of
    /// another file of the name.
    private func move(to name: String) throws {
        for suffix in ["-wal", "-shm", ""] where isThere(path + suffix) {
            try FileManager.default.moveItem(atPath: path + suffix, toPath: name + suffix)
        }
    }

    /// The name, or one like it that nothing has.
    private func free(_ name: String) -> String {
        if !isThere(name) { return name }
        return (2...).lazy.map { "\(name)-\($0)" }.first { !isThere($0) } ?? name
    }

    private static func copy(_ path: String, to copy: String) throws {
        try self.copy(try DatabaseQueue(path: path), to: copy)
    }

    /// Whole or not there, and on disk.
    private static func copy(_ source: any DatabaseReader, to copy: String) throws {
        let half = copy + ".part"
        try? FileManager.default.removeItem(atPath: half)
        let target = try DatabaseQueue(path: half)
        try source.backup(to: target)
        // A file by itself: without the log beside it that the ledger has.
        try target.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        try target.close()
        // SAFETY: the string lives until the call returns.
        let file = unsafe Glibc.open(half, O_RDONLY | O_CLOEXEC)
        if file >= 0 {
            fsync(file)
            close(file)
        }
        // SAFETY: the strings live until the call returns.
        guard unsafe rename(half, copy) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    /// `20261124T153600Z`
    private static func stamp(_ time: Int) -> String {
        let time = Date(timeIntervalSince1970: TimeInterval(time))
        return time.ISO8601Format().filter { $0 != "-" && $0 != ":" }
    }
}

/// Held for as long as the process has the ledger. Source: flock(2).
final class FileLock: Sendable {
    private let file: CInt

    /// nil when another process has it.
    ///
    /// - Throws: `POSIXError` when it cannot be made.
    init?(_ path: String) throws {
        // SAFETY: the string lives until the call returns.
        file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 { return }
        let error = errno
        if file >= 0 { close(file) }
        if error == EWOULDBLOCK { return nil }
        throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EIO, userInfo: [NSFilePathErrorKey: path])
    }

    deinit { close(file) }
}

extension Ledger {
    /// What is wrong with the ledger as it is; empty when it is sound.
    public func problems() async throws -> [String] {
        try await database.read { try Self.problems($0, thoroughly: true) }
    }

    /// - Parameter thoroughly: whether each index is compared with its table as well.
    static func problems(_ db: Database, thoroughly: Bool) throws -> [String] {
        let check = thoroughly ? "integrity_check" : "quick_check"
        var found = try String.fetchAll(db, sql: "PRAGMA \(check)(20)").filter { $0 != "ok" }
        found += try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
            "a row of \(row[0] as String? ?? "?") refers to a row of \(row[2] as String? ?? "?") that is not there"
        }
        guard try found.isEmpty && db.tableExists("assignment") else { return found }
        return try Int.fetchAll(
            db,
            sql: """
                SELECT number FROM claim JOIN assignment ON claim = number WHERE state = 'released'
                """
        ).map { "claim c\($0) has ended and still has functions" }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
public import HostModel

/// The ledger's file and the files beside it. Only one daemon may have it open, and no older file is ever overwritten.
public struct LedgerFile: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// Why a file cannot be used as the ledger. Nothing was changed.
    public enum Trouble: Reportable, Hashable {
        case inUse(String)
        case newer(String)
        case unusable(String, [String])
        /// Live claims that the file to be restored does not contain.
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
                    .conflict, "ledger", "ledger", "\(path) is not a sound ledger: \(problems.joined(separator: "; "))"
                )
            case .wouldForget(let claims):
                ErrorReport(
                    .conflict, "ledger", "ledger",
                    "the file does not contain these live claims: \(claims.joined(separator: ", "))",
                    remedy: "release them first, or restore with --force: their functions then have no owner")
            }
        }
    }

    /// A damaged ledger that was replaced by an empty one.
    public struct Loss: Sendable, Hashable, Codable {
        public let reason: String
        /// Where the damaged file was moved.
        public let keptAs: String

        public init(reason: String, keptAs: String) {
            self.reason = reason
            self.keptAs = keptAs
        }
    }

    /// Locks the file for this process, replaces it by a backup that is to be restored, checks it, copies it before a
    /// migration, and opens it.
    ///
    /// - Returns: the ledger. If the old one is damaged it is a new, empty one, and `loss` says so until
    ///   ``forgetLoss()``.
    /// - Throws: ``Trouble/inUse(_:)``, ``Trouble/newer(_:)``; `DatabaseError` for a file that cannot be opened.
    public func open(now: @escaping @Sendable () -> Int = Ledger.wallClock) throws -> (ledger: Ledger, loss: Loss?) {
        guard let lock = try FileLock(path + ".lock") else { throw Trouble.inUse(path) }
        if isThere(restored) {
            try move(to: keptName("replaced", now()))
            try FileManager.default.moveItem(atPath: restored, toPath: path)
        }
        if let problem = try Self.problems(of: path).first {
            let name = keptName("unreadable", now())
            // Written before the move: after a crash in between, the next start must not trust the new, empty ledger.
            try JSONEncoder().encode(Loss(reason: problem, keptAs: name)).write(
                to: URL(filePath: lost), options: .atomic)
            try move(to: name)
        }
        let loss =
            try isThere(lost) ? JSONDecoder().decode(Loss.self, from: Data(contentsOf: URL(filePath: lost))) : nil
        try keepBeforeMigration(now())
        return (try Ledger(path: path, lock: lock, now: now), loss)
    }

    /// Ends the handling of a loss: from now on the new ledger is the truth.
    public func forgetLoss() throws {
        if isThere(lost) { try FileManager.default.removeItem(atPath: lost) }
    }

    /// A backup that the next ``open(now:)`` puts in the ledger's place.
    var restored: String { path + ".restore" }

    /// Exists until a loss has been handled.
    private var lost: String { path + ".lost" }

    func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

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

    private func keptName(_ word: String, _ time: Int) -> String { free("\(path).\(word)-\(Self.stamp(time))") }

    /// Renames the ledger and the files that belong to it. The log goes first: SQLite must not apply it to another
    /// database of the old name.
    private func move(to name: String) throws {
        for suffix in ["-wal", "-shm", ""] where isThere(path + suffix) {
            try FileManager.default.moveItem(atPath: path + suffix, toPath: name + suffix)
        }
    }

    /// The name, or that name with a number if a file of that name exists.
    func free(_ name: String) -> String {
        if !isThere(name) { return name }
        return (2...).lazy.map { "\(name)-\($0)" }.first { !isThere($0) } ?? name
    }

    /// `20261124T153600Z`
    static func stamp(_ time: Int) -> String {
        let time = Date(timeIntervalSince1970: TimeInterval(time))
        return time.ISO8601Format().filter { $0 != "-" && $0 != ":" }
    }
}

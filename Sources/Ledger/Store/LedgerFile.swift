// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
public import HostModel

/// The ledger's file and the files beside it. Only one daemon may have it open, and no older file is ever overwritten.
public struct LedgerFile: Sendable {
    public let path: String
    /// Files and folders elsewhere that only an earlier daemon leaves.
    let traces: [String]

    /// - Parameter traces: files and folders elsewhere that only an earlier daemon leaves.
    public init(path: String, traces: [String] = []) {
        self.path = path
        self.traces = traces
    }

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

    /// A ledger that is damaged, missing or empty, and was replaced by a new one.
    public struct Loss: Sendable, Hashable, Codable {
        public let reason: String
        /// Where what was left of it was moved; nil when nothing was left.
        public let keptAs: String?

        public init(reason: String, keptAs: String?) {
            self.reason = reason
            self.keptAs = keptAs
        }
    }

    /// What is known of the time before a ledger was opened.
    public enum Past: Sendable, Hashable {
        /// The ledger has it.
        case recorded
        /// An earlier ledger had it.
        case lost(Loss)
        /// There is a new ledger and no trace of an earlier one: this is the first start, or all traces are lost too.
        case unknown
    }

    /// Locks the file for this process, replaces it by a backup that is to be restored, checks it, copies it before a
    /// migration, and opens it.
    ///
    /// - Returns: the ledger. If the old one is lost it is a new, empty one. `past` says so until ``begin(_:)``.
    /// - Throws: ``Trouble/inUse(_:)``, ``Trouble/newer(_:)``; `DatabaseError` for a file that cannot be opened.
    public func open(now: @escaping @Sendable () -> Int = Ledger.wallClock) throws -> (ledger: Ledger, past: Past) {
        guard let lock = try FileLock(path + ".lock") else { throw Trouble.inUse(path) }
        if isThere(restored) {
            try move(to: keptName("replaced", now()))
            try FileManager.default.moveItem(atPath: restored, toPath: path)
        }
        if !isThere(lost) { try replaceIfLost(now()) }
        let loss =
            try isThere(lost) ? JSONDecoder().decode(Loss.self, from: Data(contentsOf: URL(filePath: lost))) : nil
        let past: Past = try loss.map(Past.lost) ?? (hasBegun() ? .recorded : .unknown)
        try keepBeforeMigration(now())
        return (try Ledger(path: path, lock: lock, now: now), past)
    }

    private func replaceIfLost(_ time: Int) throws {
        guard let (reason, word) = try reasonOfLoss() else { return }
        let name = keptName(word, time)
        let isLeft = Self.suffixes.contains { isThere(path + $0) }
        // Written before the move: after a crash in between, the next start must not trust the new, empty ledger.
        try JSONEncoder().encode(Loss(reason: reason, keptAs: isLeft ? name : nil)).write(
            to: URL(filePath: lost), options: .atomic)
        try move(to: name)
    }

    /// From now on the ledger is the truth: what it does not know of the time before is accounted for.
    public func begin(_ ledger: Ledger) async throws {
        if try await !ledger.database.read(Self.hasBegun) {
            try await ledger.commits.run { try $0.execute(sql: "PRAGMA user_version = \(Self.beginning)") }
        }
        // Not worth a start that fails: there are other traces.
        try? markBeginning()
        if isThere(lost) { try FileManager.default.removeItem(atPath: lost) }
    }

    /// A backup that the next ``open(now:)`` puts in the ledger's place.
    var restored: String { path + ".restore" }

    /// Exists until a loss has been handled.
    private var lost: String { path + ".lost" }

    /// The files of a database: the log goes first wherever they are moved, so that SQLite does not apply it to another
    /// database of the old name.
    static let suffixes = ["-wal", "-shm", "-journal", ""]

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

    /// Renames the ledger and the files that belong to it.
    private func move(to name: String) throws {
        for suffix in Self.suffixes where isThere(path + suffix) {
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

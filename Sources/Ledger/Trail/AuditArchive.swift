// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc
import PrintableText

/// The files that old entries of the audit trail are moved to: a JSON document a line, oldest first.
///
/// A file is complete and on disk before the ledger forgets its entries. A crash in between leaves entries in both; the
/// next move writes the same file again.
public struct AuditArchive: Sendable {
    private let ledger: Ledger
    /// Made when it is needed.
    private let folder: String
    private let limits: Limits

    /// When entries are moved, and how much of them is kept.
    public struct Limits: Sendable {
        /// The most entries in the ledger. About four fifths stay at each move.
        public var entries = 50_000
        /// The most seconds that an entry stays. What is older than two thirds of that is moved with it.
        public var age = 90 * 86_400
        /// The most bytes of all files together. The oldest files are deleted; the newest stays.
        public var bytes = 256 << 20

        public init() {}
    }

    public init(of ledger: Ledger, in folder: String, limits: Limits = Limits()) {
        self.ledger = ledger
        self.folder = folder
        self.limits = limits
    }

    /// An entry as it is written.
    private struct Line: Encodable {
        let id, times: Int
        let at: Date
        let uid, pid: Int?
        let verb, subject, detail, result: String

        init(_ entry: AuditEntry) {
            (id, times, at) = (entry.id, entry.times, Date(timeIntervalSince1970: Double(entry.at)))
            (uid, pid) = (entry.actor.uid, entry.actor.pid)
            (verb, subject) = (entry.verb.printable, entry.subject.printable)
            (detail, result) = (entry.detail.printable, entry.result.printable)
        }
    }

    /// Entries that are read, or deleted, at a time.
    private static let portion = 500

    /// Moves old entries to a file if it is time.
    ///
    /// - Returns: the file; nil if nothing was moved.
    /// - Throws: when the file cannot be written. Then the entries stay in the ledger.
    @discardableResult
    public func rotate() async throws -> String? {
        let (limits, now) = (limits, ledger.timestamp())
        guard let last = try await ledger.queries.run({ try $0.audit.lastToMove(limits, now: now) }),
            let file = try await write(upTo: last)
        else { return nil }
        while try await ledger.commits.run({ try $0.audit.remove(upTo: last, limit: Self.portion) }) {}
        try removeOldest()
        return file
    }

    /// - Returns: the file's path; nil if there is no such entry.
    private func write(upTo last: Int) async throws -> String? {
        var entries = try await ledger.trail.oldest(after: 0, limit: Self.portion)
        guard let first = entries.first?.id, first <= last else { return nil }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
        let path = folder + "/" + Self.name(first)
        let half = path + ".part"
        // SAFETY: the strings live until the calls return; so in every call below.
        let file = unsafe open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard file >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        while let newest = entries.last?.id {
            var text = Data()
            for entry in entries where entry.id <= last { text += try encoder.encode(Line(entry)) + [0x0a] }
            try handle.write(contentsOf: text)
            entries = newest < last ? try await ledger.trail.oldest(after: newest, limit: Self.portion) : []
        }
        try handle.synchronize()
        try handle.close()
        guard unsafe rename(half, path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        synchronizeFolder()
        return path
    }

    /// Until the name is on disk, the entries must stay in the ledger.
    private func synchronizeFolder() {
        let opened = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { return }
        fsync(opened)
        close(opened)
    }

    /// In the order of the entries.
    private static func name(_ first: Int) -> String {
        let digits = String(first)
        return "audit-" + String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits + ".jsonl"
    }

    private func removeOldest() throws {
        let files = FileManager.default
        let names = try files.contentsOfDirectory(atPath: folder)
            .filter { $0.hasPrefix("audit-") && $0.hasSuffix(".jsonl") }.sorted(by: >)
        var total = 0
        for (position, name) in names.enumerated() {
            let path = folder + "/" + name
            total += (try files.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
            if position > 0, total > limits.bytes { try files.removeItem(atPath: path) }
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import TemporaryFiles
import Testing

@testable import Ledger

@Suite("A missing or empty ledger")
struct LostLedgerTests {
    private let folder = TemporaryFolder()
    private var elsewhere: String { folder.path + "/spool" }
    private var file: LedgerFile { LedgerFile(path: folder.ledger, traces: [elsewhere]) }

    /// What an operator or a broken disk can leave in the ledger's place.
    enum Rest: String, CaseIterable, Sendable { case nothing, noBytes, noTables, otherTables, noRows }

    private func leave(_ rest: Rest) throws {
        switch rest {
        case .nothing: return
        case .noBytes: try Data().write(to: URL(filePath: folder.ledger))
        case .noTables:
            let queue = try DatabaseQueue(path: folder.ledger)
            try queue.write { try $0.execute(sql: "CREATE TABLE gone (a); DROP TABLE gone; PRAGMA user_version = 1") }
            try queue.close()
        case .otherTables:
            let queue = try DatabaseQueue(path: folder.ledger)
            try queue.write { try $0.execute(sql: "CREATE TABLE stranger (a); PRAGMA user_version = 7") }
            try queue.close()
        case .noRows: _ = try Ledger(path: folder.ledger)
        }
    }

    private func write(_ path: String, _ text: String = "trace") throws {
        let url = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Opens the ledger, and ends as a daemon that is killed.
    private func past() throws -> LedgerFile.Past { try file.open(now: { 1_790_000_000 }).past }

    @Test("without a trace it is a first start, until the ledger has begun", arguments: Rest.allCases)
    func firstStart(rest: Rest) async throws {
        try leave(rest)
        #expect(try past() == .unknown)
        #expect(try past() == .unknown)
        do {
            let (ledger, _) = try file.open()
            try await file.begin(ledger)
        }
        #expect(try past() == .recorded)
    }

    @Test(
        "with a trace of an earlier one it is a loss, until that was handled", arguments: Rest.allCases,
        [".begun", ".schema-3-20260101T000000Z", ".unreadable-20260101T000000Z", ".replaced-20260101T000000Z"])
    func traces(rest: Rest, ending: String) async throws {
        try leave(rest)
        try write(folder.ledger + ending)
        let first = try past()
        #expect(first.loss?.reason.contains(folder.ledger + ending) == true)
        #expect((first.loss?.keptAs == nil) == (rest == .nothing))
        #expect(try past() == first)
        do {
            let (ledger, _) = try file.open()
            try await file.begin(ledger)
        }
        #expect(try past() == .recorded)
    }

    @Test("a backup, and what a daemon leaves elsewhere, are traces too", arguments: Rest.allCases)
    func tracesElsewhere(rest: Rest) throws {
        try leave(rest)
        try write(folder.path + "/backups/ledger-20260101T000000Z.sqlite")
        #expect(try past().loss?.reason.contains("backups/ledger-") == true)
        let other = TemporaryFolder()
        try write(other.path + "/spool/report.json")
        #expect(
            try LedgerFile(path: other.ledger, traces: [other.path + "/spool"]).open().past.loss?.reason
                .contains("/spool") == true)
    }

    @Test("the log of a missing or empty ledger is kept, and not applied to the new one", arguments: [true, false])
    func log(isMissing: Bool) async throws {
        var log = Data()
        do {
            let (ledger, _) = try file.open()
            try await ledger.record(.applied, subject: "host", detail: "once")
            log = try Data(contentsOf: URL(filePath: folder.ledger + "-wal"))
        }
        try FileManager.default.removeItem(atPath: folder.ledger)
        if !isMissing { try Data().write(to: URL(filePath: folder.ledger)) }
        try log.write(to: URL(filePath: folder.ledger + "-wal"))
        let (ledger, past) = try file.open()
        let kept = try #require(past.loss?.keptAs)
        #expect(try Data(contentsOf: URL(filePath: kept + "-wal")) == log)
        #expect(try await ledger.events().isEmpty)
    }

    @Test("a ledger of an earlier version has no mark, and is known by its rows")
    func earlierVersion() async throws {
        do {
            let (ledger, _) = try file.open()
            try await ledger.record(.applied, subject: "host", detail: "once")
        }
        try write(elsewhere + "/report.json")
        try write(folder.path + "/backups/ledger-20260101T000000Z.sqlite")
        #expect(try past() == .recorded)
    }

    @Test("a restored backup is no loss, also one of a ledger without rows")
    func restored() async throws {
        do {
            let (ledger, _) = try file.open()
            try await file.begin(ledger)
            let backup = try file.backup(of: ledger, at: 1_790_000_000)
            try await file.restore(from: backup, replacing: ledger, force: false)
        }
        #expect(try past() == .recorded)
    }
}

extension LedgerFile.Past {
    var loss: LedgerFile.Loss? { if case .lost(let loss) = self { loss } else { nil } }
}

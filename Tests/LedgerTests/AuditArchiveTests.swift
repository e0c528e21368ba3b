// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import PrintableText
import Synchronization
import TemporaryFiles
import Testing

@testable import Ledger

@Suite("Old entries of the audit trail")
struct AuditArchiveTests {
    private let folder = TemporaryFolder()
    private let ledger: Ledger
    private let clock: Clock

    private final class Clock: Sendable {
        let now = Mutex(1_000_000)
    }

    private struct Line: Decodable {
        let id, times: Int
        let at: String
        let uid: Int?
        let verb, subject, result: String
    }

    init() throws {
        let clock = Clock()
        self.clock = clock
        ledger = try Ledger(path: folder.path + "/ledger.sqlite", now: { clock.now.withLock(\.self) })
    }

    private func archive(entries: Int = 10, age: Int = 900, bytes: Int = 1 << 20) -> AuditArchive {
        var limits = AuditArchive.Limits()
        (limits.entries, limits.age, limits.bytes) = (entries, age, bytes)
        return AuditArchive(of: ledger, in: folder.path + "/audit", limits: limits)
    }

    private func write(_ count: Int) async throws {
        for _ in 0..<count {
            try await ledger.audit("allocate", subject: "vfs", detail: "", result: "done", actor: .init(uid: 7, pid: 8))
        }
    }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/audit")) ?? []).sorted()
    }

    private func lines(_ file: String) throws -> [Line] {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    @Test("too many are moved to a file that any program reads, and the rest stays")
    func size() async throws {
        try await write(10)
        #expect(try await archive().rotate() == nil && files.isEmpty)
        try await write(1)
        let file = try #require(try await archive().rotate())
        let moved = try lines(file)
        #expect(moved.map(\.id) == Array(1...3))
        #expect(moved[0].at == "1970-01-12T13:46:40Z" && moved[0].uid == 7 && moved[0].verb == "allocate")
        #expect(moved.allSatisfy { $0.times == 1 && $0.result == "done" && $0.subject == "vfs" })
        #expect(try await ledger.trail.newest().map(\.id) == Array(4...11))
        #expect(try await archive().rotate() == nil)
        try await write(1)
        #expect(try await ledger.trail.newest().last?.id == 12)
    }

    @Test("many portions are one file, in order and without a gap")
    func portions() async throws {
        try await ledger.audit(
            (0..<2500).map { number in
                AuditEntry.Draft("allocate", subject: "p\(number)", detail: "", actor: .daemon)
            })
        let file = try #require(try await archive(entries: 1000).rotate())
        #expect(try lines(file).map(\.id) == Array(1...1700))
        #expect(try await ledger.trail.oldest(after: 0, limit: 5000).map(\.id) == Array(1701...2500))
    }

    @Test("old ones are moved, however few, and the newest entry never: numbering goes on")
    func age() async throws {
        try await write(3)
        clock.now.withLock { $0 += 800 }
        try await write(1)
        #expect(try await archive().rotate() == nil)
        clock.now.withLock { $0 += 200 }
        let file = try #require(try await archive().rotate())
        #expect(try lines(file).map(\.id) == [1, 2, 3])
        clock.now.withLock { $0 += 100_000 }
        #expect(try await archive().rotate() == nil)
        #expect(try await ledger.trail.newest().map(\.id) == [4])
        try await write(1)
        #expect(try await ledger.trail.newest().map(\.id) == [4, 5])
    }

    @Test("what is in no file cannot be deleted, nor anything changed")
    func appendOnly() async throws {
        try await write(11)
        _ = try await archive().rotate()
        for statement in ["DELETE FROM audit", "DELETE FROM audit WHERE id = 4", "UPDATE audit SET result = ''"] {
            await #expect(throws: DatabaseError.self) {
                try await ledger.database.write { try $0.execute(sql: statement) }
            }
        }
        #expect(try await ledger.trail.newest().count == 8)
    }

    @Test("a crash before the entries are deleted leaves them in both, and the next move writes the file again")
    func crash() async throws {
        try await write(11)
        let file = try #require(try await archive().rotate())
        let text = try String(contentsOfFile: file, encoding: .utf8)
        // As if only the file had been written: another ledger has the same entries.
        let other = try Ledger(path: folder.path + "/other.sqlite", now: { 1_000_000 })
        for _ in 0..<12 {
            try await other.audit("allocate", subject: "vfs", detail: "", result: "done", actor: .init(uid: 7, pid: 8))
        }
        var limits = AuditArchive.Limits()
        limits.entries = 10
        let again = try await AuditArchive(of: other, in: folder.path + "/audit", limits: limits).rotate()
        #expect(again == file && files.count == 1)
        #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix(text))
    }

    @Test("without a place to write to, everything stays in the ledger")
    func noPlace() async throws {
        try await write(11)
        try "a file".write(toFile: folder.path + "/audit", atomically: false, encoding: .utf8)
        await #expect(throws: (any Error).self) { try await archive().rotate() }
        #expect(try await ledger.trail.newest().count == 11)
    }

    @Test("files have a limit together: the oldest go, the newest stays")
    func bytes() async throws {
        for _ in 0..<3 {
            try await write(11)
            _ = try await archive(bytes: 1).rotate()
        }
        #expect(files.count == 1)
        #expect(try lines(folder.path + "/audit/" + files[0]).last?.id == 25)
    }

    @Test("texts are cut and printable, in the ledger, in the events and in the file")
    func texts() async throws {
        let name = "fw\n\u{1b}[2J\u{202e}" + String(repeating: "\u{301}", count: 1 << 20)
        let entry = AuditEntry.Draft(name, subject: name, detail: name, result: name, actor: .daemon)
        try await ledger.record(.refused, subject: name, detail: name, audit: entry)
        try await write(10)
        let kept = try #require(try await ledger.trail.newest().first)
        let event = try #require(try await ledger.events().first)
        for text in [kept.verb, kept.subject, kept.detail, kept.result, event.subject, event.detail] {
            #expect(text.isPrintable && text.hasPrefix("fw \u{fffd}[2J") && text.unicodeScalars.count == 200)
        }
        let file = try #require(try await archive().rotate())
        #expect(try lines(file).first?.subject == kept.subject)
        #expect(try Data(contentsOf: URL(filePath: file)).count < 8000)
    }

    @Test("pages: before an id, after an id, and where a page begins")
    func pages() async throws {
        try await write(9)
        #expect(try await ledger.trail.newest(before: 4, limit: 2).map(\.id) == [2, 3])
        #expect(try await ledger.trail.oldest(after: 4, limit: 2).map(\.id) == [5, 6])
        #expect(try await ledger.trail.oldest(after: 4, before: 6, limit: 9).map(\.id) == [5])
        #expect(try await ledger.trail.first(before: .max, limit: 4) == 6)
        #expect(try await ledger.trail.first(before: 1, limit: 4) == nil)
    }
}

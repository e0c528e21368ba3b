// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import HostModel
import TemporaryFiles
import Testing

@testable import Ledger

@Suite("The ledger's file")
struct LedgerFileTests {
    private let folder = TemporaryFolder()
    private var ledgerFile: LedgerFile { LedgerFile(path: folder.ledger) }
    private var neighbours: [String] {
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    }

    private func claim(_ address: PCIAddress, for owner: String, in ledger: Ledger) async throws -> Claim {
        let function = Function(
            address: address, identity: Identity(vendor: 0x8086, device: 0x10ca, classCode: 0x020000), iommuGroup: 7)
        let request = ClaimRequest(pool: Pool(name: "vfs", selector: Selector()), owner: .name(owner))
        return try await ledger.allocate(bootID: "boot") { _ in
            ClaimDraft(
                request: request,
                slots: [.init(function: function, settings: VFSettings(), numaNode: function.numaNode)], isReady: true)
        }
    }

    @Test("only one daemon can open it; the next one can after the first has ended")
    func lock() throws {
        do {
            let (ledger, past) = try ledgerFile.open()
            #expect(past == .unknown)
            #expect(throws: LedgerFile.Trouble.inUse(folder.ledger)) { try ledgerFile.open() }
            withExtendedLifetime(ledger) {}
        }
        _ = try ledgerFile.open()
    }

    @Test(
        "a damaged file is kept unchanged, and a new ledger replaces it", arguments: [true, false])
    func corrupt(isLedger: Bool) async throws {
        var text = Data(String(repeating: "this is no database. ", count: 500).utf8)
        if isLedger {
            do {
                let ledger = try Ledger(path: folder.ledger)
                for number in 0..<200 {
                    try await ledger.record(.applied, subject: "host", detail: "event \(number) of many")
                }
                try await ledger.database.writeWithoutTransaction {
                    _ = try $0.checkpoint(.truncate)
                }
                try (ledger.database as? DatabasePool)?.close()
            }
            text = try Data(contentsOf: URL(filePath: folder.ledger))
            // Damages a page in the middle of the events.
            text.replaceSubrange(text.count - 6000..<text.count - 100, with: Data(repeating: 0xa5, count: 5900))
        }
        try text.write(to: URL(filePath: folder.ledger))
        let (ledger, past) = try ledgerFile.open(now: { 1_790_000_000 })
        let kept = try #require(past.loss?.keptAs)
        #expect(kept.contains(".unreadable-2026"))
        #expect(try Data(contentsOf: URL(filePath: kept)) == text)
        #expect(try await ledger.claims().isEmpty)
        #expect(try await ledger.problems() == [])
    }

    @Test("a loss is reported at each start until it was handled")
    func lossStays() async throws {
        try String(repeating: "torn", count: 1000).write(toFile: folder.ledger, atomically: true, encoding: .utf8)
        let first = try ledgerFile.open().past.loss
        #expect(first != nil)
        do {
            let (ledger, past) = try ledgerFile.open()
            #expect(past.loss == first)
            try await ledgerFile.begin(ledger)
        }
        #expect(try ledgerFile.open().past == .recorded)
    }

    @Test("the error of a missing folder does not name another daemon")
    func noFolder() {
        #expect(throws: POSIXError.self) { try LedgerFile(path: "/nowhere/ledger.sqlite").open() }
    }

    @Test("rows that contradict each other are found")
    func contradictions() async throws {
        let ledger = try Ledger(path: folder.ledger)
        let claim = try await claim("0000:3b:10.0", for: "fw1", in: ledger)
        #expect(try await ledger.problems() == [])
        try await ledger.database.write {
            try $0.execute(sql: "UPDATE claim SET state = 'released', endedAt = 1")
        }
        #expect(try await ledger.problems() == ["claim \(claim.id) is released but still has functions"])
        try await ledger.database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; DELETE FROM claim")
        }
        #expect(try await ledger.problems().first?.contains("a missing row") == true)
    }

    @Test("a copy is kept before the schema changes, and the claims come through")
    func migration() async throws {
        do {
            let queue = try DatabaseQueue(path: folder.ledger)
            try Migrations.migrator.migrate(queue, upTo: "3: who made a claim, and how long it lives")
            try await queue.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO claim (generation, pool, owner, ownerName, numa, state, createdAt)
                        VALUES (1, 'vfs', 'fw1', 'fw1', 'none', 'bound', 5);
                        INSERT INTO claim (generation, pool, owner, ownerName, numa, state, createdAt, endedAt)
                        VALUES (1, 'vfs', 'fw2', 'fw2', 'none', 'released', 5, 6);
                        INSERT INTO groupOwner VALUES ('boot', 7, 'fw1');
                        INSERT INTO assignment VALUES (1, 0, 'fw1', 'c1', '0000:3b:10.0', 'boot', 7, NULL, 1, NULL, NULL,
                            '{}', '{}');
                        INSERT INTO audit VALUES (41, 5, 0, 1, 'allocate', 'vfs', '1 for fw1', 'done');
                        """)
            }
            try queue.close()
        }
        let (ledger, past) = try ledgerFile.open()
        #expect(past == .recorded)
        #expect(try await ledger.claims().map(\.assignments.first?.address) == ["0000:3b:10.0"])
        #expect(try await ledger.problems() == [])
        let copy = try #require(neighbours.first { $0.contains(".schema-3-") })
        let path = URL(filePath: folder.ledger).deletingLastPathComponent().appending(path: copy).path
        let kept = try await DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM claim") }
        #expect(kept == 2)
        // Numbering continues after the last claim that ever existed.
        try await ledger.transitions.end(claim: "c1")
        #expect(try await claim("0000:3b:10.0", for: "fw3", in: ledger).id == "c3")
        // So does the numbering of the audit trail, which is still append-only.
        try await ledger.audit("allocate", subject: "vfs", detail: "", result: "done", actor: .daemon)
        #expect(try await ledger.trail.newest().map(\.id) == [41, 42])
        for change in ["UPDATE audit SET result = ''", "DELETE FROM audit"] {
            await #expect(throws: DatabaseError.self) {
                try await ledger.database.write { try $0.execute(sql: change) }
            }
        }
    }

    @Test("a ledger of a later version is refused and stays unchanged")
    func newer() async throws {
        let ledger = try Ledger(path: folder.ledger)
        try await ledger.database.write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: from the future')")
        }
        #expect(throws: LedgerFile.Trouble.newer(folder.ledger)) { try ledgerFile.open() }
    }

    @Test("a backup is a sound ledger; when it is restored, the old ledger is kept beside it")
    func restores() async throws {
        let backup: String
        do {
            let (ledger, _) = try ledgerFile.open()
            _ = try await claim("0000:3b:10.0", for: "fw1", in: ledger)
            backup = try ledgerFile.backup(of: ledger, at: 1_790_000_000)
            #expect(try ledgerFile.backup(of: ledger, at: 1_790_000_000) != backup)
            let later = try await claim("0000:3b:10.0", for: "fw1", in: try Ledger(path: nil))
            #expect(later.id == "c1")
            try await ledger.transitions.end(claim: "c1")
            let live = try await claim("0000:3b:10.0", for: "fw2", in: ledger)
            await #expect(throws: LedgerFile.Trouble.wouldForget(["\(live.id) on 0000:3b:10.0"])) {
                try await ledgerFile.restore(from: backup, replacing: ledger, force: false)
            }
            try await ledgerFile.restore(from: backup, replacing: ledger, force: true)
            #expect(try await ledger.claims().map(\.id) == [live.id])
        }
        let (ledger, past) = try ledgerFile.open()
        #expect(past == .recorded)
        #expect(try await ledger.claims().map(\.ownerName) == ["fw1"])
        #expect(neighbours.contains { $0.contains(".replaced-") })
    }

    @Test("a file that is not a ledger cannot be restored", arguments: ["missing", "text", "other"])
    func offers(kind: String) async throws {
        let (ledger, _) = try ledgerFile.open()
        let candidate = folder.ledger + ".candidate"
        if kind == "text" { try "text".write(toFile: candidate, atomically: true, encoding: .utf8) }
        if kind == "other" {
            try await DatabaseQueue(path: candidate).write { try $0.execute(sql: "CREATE TABLE other (a)") }
        }
        await #expect(throws: LedgerFile.Trouble.self) {
            try await ledgerFile.restore(from: candidate, replacing: ledger, force: true)
        }
        #expect(!neighbours.contains { $0.hasSuffix(".restore") })
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel
import Synchronization
import Testing

@testable import Ledger

@Suite("Ended claims")
struct EndedClaimTests {
    /// A ledger with claims that ended, the first the longest ago.
    private func ledger(ended: Int, now: @escaping @Sendable () -> Int) async throws -> Ledger {
        let ledger = try Ledger(path: nil, now: now)
        let host = try host(vfs: 4)
        for number in 0..<ended {
            let claim = try await ledger.allocate(for: "o\(number)", on: host)
            try await ledger.transitions.end(claim: claim.id)
        }
        return ledger
    }

    private func numbers(_ ledger: Ledger) throws -> [Int] {
        try ledger.database.read { try Int.fetchAll($0, sql: "SELECT number FROM claim ORDER BY number") }
    }

    @Test("only the newest records stay, and never another number of claims than was given before")
    func count() async throws {
        let ledger = try await ledger(ended: 6) { 1_700_000_000 }
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 6, age: 10)) == 0)
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 2, age: 10)) == 4)
        #expect(try numbers(ledger) == [5, 6])
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 0, age: 10)) == 1)
        // The newest stays: the next claim must not get its number.
        #expect(try numbers(ledger) == [6])
        #expect(try await ledger.allocate(for: "next", on: try host(vfs: 4)).id == "c7")
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 0, age: 10)) == 1)
        #expect(try await ledger.claims().map(\.id) == ["c7"])
    }

    @Test("records leave after their time; live claims stay, however old they are")
    func age() async throws {
        let clock = Clock()
        let ledger = try Ledger(path: nil, now: clock.now)
        let host = try host(vfs: 4)
        let old = try await ledger.allocate(for: "old", on: host)
        let ended = try await ledger.allocate(for: "ended", on: host)
        try await ledger.transitions.end(claim: ended.id)
        clock.advance(100)
        let later = try await ledger.allocate(for: "later", on: host)
        try await ledger.transitions.end(claim: later.id)
        _ = try await ledger.allocate(for: "live", on: host)
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 10, age: 100)) == 0)
        clock.advance(1)
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 10, age: 100)) == 1)
        #expect(try await ledger.claim(ended.id) == nil)
        #expect(try await ledger.claim(later.id)?.state == .released)
        #expect(try await ledger.claims().map(\.id) == [old.id, "c4"])
    }

    private final class Clock: Sendable {
        private let time = Mutex(1_700_000_000)

        func advance(_ seconds: Int) { time.withLock { $0 += seconds } }
        @Sendable func now() -> Int { time.withLock(\.self) }
    }

    @Test("more records than one commit removes")
    func many() async throws {
        let ledger = try Ledger(path: nil)
        try await ledger.database.write { db in
            for number in 1...1234 {
                try db.execute(
                    sql: """
                        INSERT INTO claim (number, generation, pool, owner, ownerName, numa, state, createdAt, endedAt)
                        VALUES (?, 1, 'vfs', 'o', 'o', 'none', 'released', 1, 1)
                        """, arguments: [number])
            }
        }
        #expect(try await ledger.lives.prune(keeping: EndedClaims(count: 10)) == 1233)
    }

    @Test("no statement on the way of a claim, a start or a release reads ended claims, entries or events")
    func indexes() async throws {
        let ledger = try Ledger(path: nil)
        let statements = Statements()
        try await ledger.database.write { db in
            db.trace { if case .statement(let statement) = $0 { statements.add(statement.expandedSQL) } }
        }
        let host = try host(vfs: 4)
        var limited = pool
        limited.maxClaims = 3
        let claim = try await ledger.allocate(for: "a", on: host, from: limited, uid: 1000, deviceName: "data0")
        _ = try await ledger.transitions.bind([claim])
        let used = try await ledger.transitions.beginUse(ofClaims: [claim.id], bootID: "boot-1", sinceBoot: 5)
        _ = try await ledger.claims(of: claim.owner)
        _ = try await ledger.claims()
        _ = try await ledger.claim(claim.id)
        _ = try await ledger.holdings()
        _ = try await ledger.made(of: ["0000:3b:00.0"])
        _ = try await ledger.quarantine()
        _ = try await ledger.lives.ended(sinceBoot: 5)
        let limitedNow = limited
        try await ledger.judging {
            try ClaimRequest(pool: limitedNow, owner: .name("a"), uid: 1000).refuseBeyondQuota($0)
            _ = try $0.claims(ofMAC: "52:54:00:11:22:33", on: "0000:3b:00.0")
            _ = try $0.claim(ofDevice: "data0", ownedBy: .name("a"))
        }
        _ = try await ledger.transitions.beginRelease(of: claim.id, generation: used[0].generation) { _ in nil }
        try await ledger.transitions.end(claim: claim.id)
        try await ledger.database.write { db in
            db.trace(options: [])
            let seen = statements.all.filter { $0.contains("FROM") || $0.contains("UPDATE") }
            #expect(seen.count > 10)
            for sql in seen {
                for row in try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql) {
                    let step: String = row["detail"]
                    let isWhole = ["claim", "audit", "event"].contains { table in
                        step == "SCAN \(table)"
                    }
                    #expect(!isWhole, "\(step): \(sql)")
                }
            }
        }
    }

    private final class Statements: Sendable {
        private let texts = Mutex<[String]>([])

        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock(\.self).filter { !$0.hasPrefix("--") } }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import HostSimulator
import TemporaryFiles
import Testing

@testable import HostModel
@testable import Ledger

@Suite("Intents, originals, quarantine and the audit trail")
struct RecordTests {
    private let pf: PCIAddress = "0000:3b:00.0"

    @Test("an intent survives the process until it is closed")
    func intents() async throws {
        let folder = TemporaryFolder()
        let change = Change(
            from: .virtualFunctions(pf, count: 0, driversAutoprobe: true),
            to: .virtualFunctions(pf, count: 4, driversAutoprobe: false), steps: [])
        let context = Intent.Context(bootID: "boot-1", purpose: .apply, claim: nil)
        do {
            let ledger = try Ledger(path: folder.ledger)
            let earlier = Change(from: .link(pf, up: false), to: .link(pf, up: true), steps: [])
            let first = try await ledger.open([earlier, earlier], context: context)
            #expect(Set(first).count == 2)
            _ = try await ledger.open([change], context: context, closing: first)
        }
        let ledger = try Ledger(path: folder.ledger)
        let open = try await ledger.openIntents()
        #expect(open.count == 1)
        let intent = try #require(open.first)
        #expect(intent.from == change.from && intent.to == change.to)
        #expect(intent.purpose == .apply && intent.bootID == "boot-1" && intent.claim == nil)
        try await ledger.close(intents: [intent.id])
        #expect(try await ledger.openIntents().isEmpty)
    }

    @Test("every aspect is read as it was written")
    func everyShape() async throws {
        let ledger = try Ledger(path: nil)
        let virtual = VirtualFunction(physicalFunction: pf, index: 3)
        let vlan = try #require(VLANID(42))
        let settings = [
            VFSettings(), VFSettings(mac: "52:54:00:11:22:33", vlan: .id(vlan), trust: true, spoofCheck: false),
            VFSettings(vlan: VFSettings.VLANChoice.none),
            VFSettings(
                vlan: .tag(VLANTag(vlan, qos: 3, protocol: .dot1ad)), linkState: .disable, minTxRateMbps: 0,
                maxTxRateMbps: 100),
        ]
        let aspects: [Aspect] =
            [
                .virtualFunctions(pf, count: 4, driversAutoprobe: true), .link(pf, up: false), .mtu(pf, octets: 9000),
                .binding(pf, driver: nil, driverOverride: nil), .binding(pf, driver: "igb", driverOverride: "x"),
            ] + settings.map { .vfSettings(virtual, $0) }
        let context = Intent.Context(bootID: "b", purpose: .prepare, claim: "c7")
        _ = try await ledger.open(aspects.map { Change(from: $0, to: $0, steps: []) }, context: context)
        let read = try await ledger.openIntents()
        #expect(read.map(\.from) == aspects && read.map(\.to) == aspects)
        #expect(read.allSatisfy { $0.claim == "c7" && $0.purpose == .prepare })
    }

    @Test("settings that version 0.1 wrote can be read")
    func settingsOfVersion0_1() throws {
        let text = #"{"mac":"52:54:00:11:22:33","vlan":{"id":{"_0":"42"}},"trust":true}"#
        #expect(
            try JSONDecoder().decode(VFSettings.self, from: Data(text.utf8))
                == VFSettings(mac: "52:54:00:11:22:33", vlan: .id(try #require(VLANID(42))), trust: true))
        #expect(
            try JSONDecoder().decode(VFSettings.self, from: Data(#"{"vlan":{"none":{}}}"#.utf8))
                == VFSettings(vlan: VFSettings.VLANChoice.none))
    }

    @Test("the first record of a PF's original state stays until it is forgotten")
    func originals() async throws {
        let ledger = try Ledger(path: nil)
        let found = PFOriginal(vfCount: 0, driversAutoprobe: true, linkUp: false)
        let later = PFOriginal(vfCount: 4, driversAutoprobe: false, linkUp: true)
        try await ledger.recordOriginals([pf: found])
        try await ledger.recordOriginals([pf: later])
        #expect(try await ledger.holdings().originals == [pf: found])
        try await ledger.forgetOriginal(of: pf)
        try await ledger.recordOriginals([pf: later])
        #expect(try await ledger.holdings().originals == [pf: later])
    }

    @Test("the first reason for a quarantine stays")
    func quarantine() async throws {
        let ledger = try Ledger(path: nil)
        try await ledger.quarantine(pf, reason: "first")
        try await ledger.quarantine(pf, reason: "second")
        #expect(try await ledger.holdings().quarantine == [pf: "first"])
    }

    @Test("the audit trail can only be appended to")
    func audit() async throws {
        let ledger = try Ledger(path: nil, now: { 42 })
        for number in 1...3 {
            try await ledger.audit(
                "allocate", subject: "p\(number)", detail: "", result: "done", actor: .init(uid: 0, pid: number))
        }
        try await ledger.audit("recover", subject: "c1", detail: "", result: "released", actor: .daemon)
        #expect(try await ledger.trail.newest().map(\.subject) == ["p1", "p2", "p3", "c1"])
        #expect(try await ledger.trail.newest(limit: 2).map(\.subject) == ["p3", "c1"])
        #expect(try await ledger.trail.newest().last?.actor == .daemon)
        #expect(try await ledger.trail.newest().first?.at == 42)
        await #expect(throws: DatabaseError.self) {
            try await ledger.database.write { try $0.execute(sql: "UPDATE audit SET result = 'other'") }
        }
        await #expect(throws: DatabaseError.self) {
            try await ledger.database.write { try $0.execute(sql: "DELETE FROM audit") }
        }
        #expect(try await ledger.trail.newest().count == 4)
    }
}

@Suite("Cards that the ledger keeps")
struct CardRecordTests {
    @Test("a move that the keys forbid leaves every card where it was, in doubt")
    func forbidden() async throws {
        let ledger = try Ledger(path: nil)
        let host = try host(vfs: 2)
        let (first, second) = (
            try await ledger.allocate(for: "fw1", on: host), try await ledger.allocate(for: "fw2", on: host)
        )
        let addresses = [first, second].flatMap(\.assignments).map(\.address)
        var settlement = CardSettlement()
        for card in try await ledger.cards.recorded(bootID: "b") {
            settlement.corrections.append(
                CardSettlement.Correction(
                    card: card, address: "0000:86:00.0", identity: nil,
                    functions: Dictionary(
                        uniqueKeysWithValues: card.functions.map { ($0.address, "0000:86:10.0" as PCIAddress) })))
        }
        let settled = try await ledger.cards.settle(settlement, LastLook(), bootID: "b")
        #expect(settled.corrections.isEmpty && Set(addresses).isSubset(of: settled.doubts.keys))
        #expect(try await ledger.claims().flatMap(\.assignments).map(\.address) == addresses)
        let quarantine = try await ledger.quarantine()
        #expect(Set(addresses).isSubset(of: quarantine.keys) && quarantine.values.allSatisfy { CardDoubt.isReason($0) })
        // The next look finds the same, and only a new doubt is news.
        #expect(try await ledger.cards.settle(settlement, LastLook(), bootID: "b").doubts.isEmpty)
    }
}

@Suite("The ledger's file")
struct FileTests {
    @Test("is read as it was written")
    func reopens() async throws {
        let folder = TemporaryFolder()
        let host = try host(vfs: 2)
        var claim = try await Ledger(path: folder.ledger).allocate(for: "fw1", on: host)
        do {
            let ledger = try Ledger(path: folder.ledger)
            try await ledger.transitions.setState(.bound, ofClaim: claim.id)
        }
        claim.state = .bound
        #expect(try await Ledger(path: folder.ledger).claims() == [claim])
    }

    @Test("uses WAL, synchronous FULL and foreign keys")
    func durability() async throws {
        let folder = TemporaryFolder()
        let ledger = try Ledger(path: folder.ledger)
        let (journal, synchronous, keys) = try await ledger.database.write { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                try Bool.fetchOne(db, sql: "PRAGMA foreign_keys")
            )
        }
        #expect(journal == "wal")
        #expect(synchronous == 2)
        #expect(keys == true)
    }

    @Test("a file that is not a ledger is refused and stays unchanged")
    func garbage() throws {
        let folder = TemporaryFolder()
        let text = String(repeating: "this is not a database\n", count: 100)
        try text.write(toFile: folder.ledger, atomically: true, encoding: .utf8)
        #expect(throws: (any Error).self) { try Ledger(path: folder.ledger) }
        #expect(try String(contentsOfFile: folder.ledger, encoding: .utf8) == text)
    }

    @Test("the schema refuses a claim in an impossible state")
    func checks() async throws {
        let ledger = try Ledger(path: nil)
        func insert(_ values: String) async throws {
            let columns = "number, generation, pool, owner, ownerName, numa, state, createdAt, endedAt, usedSince"
            try await ledger.database.write { try $0.execute(sql: "INSERT INTO claim (\(columns)) VALUES (\(values))") }
        }
        for values in [
            "1, 1, 'p', 'o', 'o', 'none', 'lost', 0, NULL, NULL",
            "1, 0, 'p', 'o', 'o', 'none', 'bound', 0, NULL, NULL",
            "1, 1, 'p', 'o', 'o', 'none', 'released', 0, NULL, NULL",
            "1, 1, 'p', 'o', 'o', 'none', 'inUse', 0, NULL, 7",
        ] {
            await #expect(throws: DatabaseError.self) { try await insert(values) }
        }
        try await insert("1, 1, 'p', 'o', 'o', 'none', 'bound', 0, NULL, NULL")
    }
}

@Suite("Events")
struct EventTests {
    @Test("are in order, and can be followed from any event")
    func followed() async throws {
        let folder = TemporaryFolder()
        let ledger = try Ledger(path: folder.ledger)
        for number in 1...3 { try await ledger.record(.applied, subject: "host", detail: "\(number)") }
        #expect(try await ledger.events().map(\.detail) == ["1", "2", "3"])
        #expect(try await ledger.events(limit: 2).map(\.detail) == ["2", "3"])
        let first = try #require(try await ledger.events().first)
        let stream = ledger.newEvents(after: first.id)
        try await ledger.record(.drifted, subject: "host", detail: "4")
        var seen: [String] = []
        for try await batch in stream {
            seen += batch.map(\.detail)
            if seen.last == "4" { break }
        }
        #expect(seen == ["2", "3", "4"])
    }

    @Test("quarantine begins once and ends once, with one event for each")
    func quarantine() async throws {
        let ledger = try Ledger(path: nil)
        let address: PCIAddress = "0000:3b:10.0"
        try await ledger.quarantine(address, reason: "first")
        try await ledger.quarantine(address, reason: "second")
        #expect(try await ledger.holdings().quarantine == [address: "first"])
        try await ledger.liftQuarantine(of: address, detail: "clean")
        try await ledger.liftQuarantine(of: address, detail: "clean")
        #expect(try await ledger.holdings().quarantine.isEmpty)
        #expect(try await ledger.events().map(\.kind) == [.quarantined, .recovered])
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import HostModel
import Hummingbird
import Ledger
import NIOCore
import Synchronization
import Testing

@testable import buslaned

@Suite("The audit trail, page by page")
struct AuditPageTests {
    /// Keeps what is written, and how much at a time.
    private struct Paper: ResponseBodyWriter {
        final class Kept: Sendable {
            let bytes = Mutex<[[UInt8]]>([])
            let isFinished = Mutex(false)
        }

        let kept: Kept

        mutating func write(_ buffer: ByteBuffer) async throws {
            kept.bytes.withLock { $0.append(Array(buffer.readableBytesView)) }
        }

        consuming func finish(_ trailers: HTTPFields?) async throws { kept.isFinished.withLock { $0 = true } }
    }

    private let ledger: Ledger

    init() throws { ledger = try Ledger(path: nil) }

    private func write(_ count: Int) async throws {
        try await ledger.audit((0..<count).map { .init("v", subject: "s\($0)", detail: "", actor: .daemon) })
    }

    private func page(_ page: AuditPage) async throws -> (document: AuditDocument, parts: Int) {
        let kept = Paper.Kept()
        var writer: any ResponseBodyWriter = Paper(kept: kept)
        try await page.trail(in: ledger).write(to: &writer)
        let isFinished = kept.isFinished.withLock(\.self)
        #expect(isFinished)
        let parts = kept.bytes.withLock(\.self)
        return (try JSON.decode(AuditDocument.self, from: Array(parts.joined())), parts.count)
    }

    @Test("an empty trail is a page of nothing")
    func empty() async throws {
        for asked in [AuditPage(), AuditPage(before: 5), AuditPage(after: 5)] {
            let document = try await page(asked).document
            #expect(document.entries.isEmpty && document.older == nil && document.newer == nil)
        }
    }

    @Test("before the first entry there is a page of nothing, and the way back")
    func beforeTheFirst() async throws {
        try await write(1)
        let document = try await page(AuditPage(before: 0)).document
        #expect(document.entries.isEmpty && document.older == nil && document.newer == 0)
    }

    @Test("without a parameter, the newest; from there to the beginning, each entry once")
    func backwards() async throws {
        try await write(450)
        var asked = AuditPage()
        var seen: [[Int]] = []
        while true {
            let document = try await page(asked).document
            seen.insert(document.entries.map(\.id), at: 0)
            #expect((document.newer == nil) == (seen.count == 1))
            guard let older = document.older else { break }
            asked = AuditPage(before: older)
        }
        #expect(seen.map(\.count) == [50, 200, 200])
        #expect(Array(seen.joined()) == Array(1...450))
    }

    @Test("from the beginning to the end, each entry once")
    func forwards() async throws {
        try await write(25)
        var asked = AuditPage(after: 0, limit: 10)
        var seen: [Int] = []
        while true {
            let document = try await page(asked).document
            #expect((document.older == nil) == seen.isEmpty)
            seen += document.entries.map(\.id)
            guard let newer = document.newer else { break }
            asked = AuditPage(after: newer, limit: 10)
        }
        #expect(seen == Array(1...25))
        let end = try await page(AuditPage(after: 25)).document
        #expect(end.entries.isEmpty && end.older == 26 && end.newer == nil)
    }

    @Test("a page is written while it is read")
    func streamed() async throws {
        try await write(1000)
        let (document, parts) = try await page(AuditPage(limit: 1000))
        #expect(document.entries.count == 1000 && parts == 12)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@testable import buslaned

@Suite("Lanes")
struct LaneTests {
    @Test("work on one card runs in order, one at a time; work on two cards runs in parallel")
    func order() async throws {
        let lanes = Lanes()
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let log = Log()
        async let first: Void = lanes.run(on: .card(Scene.card)) {
            await log.add("first in")
            for await _ in gate { break }
            await log.add("first out")
        }
        while await log.lines.isEmpty { await Task.yield() }
        async let second: Void = lanes.run(on: .card(Scene.card)) { await log.add("second") }
        try await lanes.run(on: .card("0000:af:00.0")) { await log.add("other card") }
        opener.yield()
        _ = try await (first, second)
        #expect(await log.lines == ["first in", "other card", "first out", "second"])
    }

    @Test("a lane is free again after work that failed")
    func afterFailure() async throws {
        let lanes = Lanes()
        await #expect(throws: Refusal.noIOMMU) { try await lanes.run(on: .card(Scene.card)) { throw Refusal.noIOMMU } }
        #expect(try await lanes.run(on: .card(Scene.card)) { 7 } == 7)
    }

    @Test("a reading is outdated when work on its PF has ended since, waited for or not")
    func outdated() async throws {
        let lanes = Lanes()
        func isOutdated(since mark: Int) async throws -> Bool {
            try await lanes.run(on: .card(Scene.card), since: mark) { $0 }
        }
        let mark = lanes.ended
        try await lanes.run(on: .host) {}
        try await lanes.run(on: .card("0000:af:00.0")) {}
        #expect(try await !isOutdated(since: mark))
        #expect(try await isOutdated(since: mark))
        // Work that fails may have changed something.
        let second = lanes.ended
        await #expect(throws: Refusal.noIOMMU) { try await lanes.run(on: .card(Scene.card)) { throw Refusal.noIOMMU } }
        #expect(try await isOutdated(since: second))
        #expect(try await !isOutdated(since: lanes.ended))
    }

    private actor Log {
        var lines: [String] = []
        func add(_ line: String) { lines.append(line) }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Hummingbird
import Testing

@testable import buslaned

@Suite("Streams and their clients", .serialized)
struct StreamTests {
    /// A house with a stream that says each number it is given, and a client that has the stream's head.
    private struct Scene {
        let house: House
        let ended: AsyncStream<Void>
        let source: AsyncStream<Int>.Continuation
        var caller: House.Caller?

        init() async throws {
            let (ended, end) = AsyncStream.makeStream(of: Void.self)
            let (numbers, source) = AsyncStream.makeStream(of: Int.self)
            (self.ended, self.source) = (ended, source)
            house = try await House { router in
                router.get("numbers") { _, context in
                    Response(for: context) { output in
                        defer { end.finish() }
                        for await number in numbers { try await output.write(number) }
                    }
                }
            }
            let caller = try House.Caller(house.socket)
            #expect(try await caller.answer(to: "GET /numbers HTTP/1.1\r\nHost: a\r\n\r\n").contains("200 OK"))
            self.caller = caller
        }
    }

    @Test("a stream ends when its client disconnects, without an event")
    func ends() async throws {
        var scene = try await Scene()
        scene.caller = nil
        for await _ in scene.ended {}
        withExtendedLifetime(scene.source) {}
        await scene.house.close()
    }

    @Test("a client that only finished sending gets what comes later")
    func halfClosed() async throws {
        let scene = try await Scene()
        scene.caller?.finishSending()
        scene.source.yield(1234)
        #expect(await scene.caller?.read(until: "1234").contains("1234") == true)
        scene.source.finish()
        #expect(await scene.caller?.read(toEnd: true).contains("0\r\n\r\n") == true)
        await scene.house.close()
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Hummingbird
import NIOCore
import Testing

@testable import buslaned

@Suite("What each user may take of the daemon", .serialized)
struct ClientLimitTests {
    private static func limits(
        _ own: [ClientLoad.Resource: Int], inAll: Int = 1 << 30
    ) -> ClientLimits {
        ClientLimits(load(own, inAll: inAll), isExempt: { _ in false })
    }

    private static func load(_ own: [ClientLoad.Resource: Int], inAll: Int = 1 << 30) -> ClientLoad {
        ClientLoad { .init(perUser: own[$0] ?? 1 << 20, inAll: inAll) }
    }

    // MARK: - As a value

    @Test("each user has a share of its own, and gets it back", arguments: ClientLoad.Resource.allCases)
    func shares(resource: ClientLoad.Resource) throws {
        var load = Self.load([resource: 3])
        try load.take(2, of: resource, for: 1)
        #expect(throws: RequestRefusal.tooMany(resource, user: 1, limit: 3)) { try load.take(2, of: resource, for: 1) }
        try load.take(1, of: resource, for: 1)
        try load.take(3, of: resource, for: 2)
        load.drop(2, of: resource, for: 1)
        #expect(load.taken(of: resource, by: 1) == 1 && load.taken(of: resource, by: 2) == 3)
        try load.take(2, of: resource, for: 1)
    }

    @Test("all users together have no more than there is")
    func together() throws {
        var load = Self.load([.stream: 3], inAll: 4)
        try load.take(3, of: .stream, for: 1)
        #expect(throws: RequestRefusal.tooMany(.stream, user: nil, limit: 4)) { try load.take(2, of: .stream, for: 2) }
        try load.take(1, of: .stream, for: 2)
        try load.take(4, of: .request, for: 3)
    }

    @Test("an amount near the largest number is refused like any other")
    func overflow() throws {
        var load = Self.load([.bodyByte: 8])
        try load.take(8, of: .bodyByte, for: 1)
        #expect(throws: RequestRefusal.self) { try load.take(.max, of: .bodyByte, for: 1) }
    }

    @Test("nobody has so much that others get nothing")
    func fair() {
        for resource in ClientLoad.Resource.allCases {
            #expect(resource.limit.perUser * 4 <= resource.limit.inAll, "\(resource)")
        }
    }

    @Test("the documents have the limits", arguments: ["openapi.yaml", "guide.md"])
    func described(document: String) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(document)")
        let words = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        let limit = { (resource: ClientLoad.Resource) in resource.limit.perUser }
        #expect(words.contains("\(limit(.connection)) connections, \(limit(.request)) requests in progress with"))
        #expect(words.contains(" \(limit(.bodyByte) >> 20) MiB in the"))
        #expect(words.contains("\(limit(.waitingClaim)) requests that wait for functions"))
        #expect(words.contains("\(limit(.stream)) streams"))
    }

    @Test("root is not counted; what others take is counted until it ends")
    func counted() throws {
        let limits = ClientLimits(Self.load([.request: 1, .stream: 1]))
        #expect(try limits.share(of: .request, for: 0) == nil)
        var share = try limits.share(of: .request, for: 1000)
        #expect(throws: RequestRefusal.self) { try limits.share(of: .request, for: 1000) }
        try share?.become(.stream)
        share = try limits.share(of: .request, for: 1000)
        #expect(throws: Never.self) { try share?.become(.stream) }
        #expect(throws: RequestRefusal.self) { try share?.become(.stream) }
    }

    // MARK: - At the socket

    private static let question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func begun(_ path: String, _ part: String, of length: Int) -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n\(part)"
    }

    @Test("a connection too many is told so, and closed; one that ends makes room")
    func connections() async throws {
        let house = try await House(limits: Self.limits([.connection: 2]))
        var kept = try (0..<2).map { _ in try House.Caller(house.socket) }
        for caller in kept { #expect(try await caller.answer(to: Self.question).contains("200 OK")) }
        let refused = try await House.Caller(house.socket).answer(to: Self.question, toEnd: true)
        #expect(refused.hasPrefix("HTTP/1.1 429") && refused.contains("too-many-connections"))
        #expect(
            refused.lowercased().contains("retry-after: 1") && refused.lowercased().contains("connection: close"),
            "\(refused)")
        let plain = try await House.Caller(house.socket)
            .answer(to: "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n", toEnd: true)
        #expect(plain.contains("and may have no more (fix: close connections"), "\(plain)")
        kept.removeAll()
        // The daemon sees the end a moment later.
        while try await !House.Caller(house.socket).answer(to: Self.question).contains("200 OK") {}
        await house.close()
    }

    @Test("of many connections too many, those that send nothing are closed at once")
    func silent() async throws {
        let house = try await House(limits: Self.limits([.connection: 1, .refusedConnection: 1]))
        let kept = try House.Caller(house.socket)
        #expect(try await kept.answer(to: Self.question).contains("200 OK"))
        let waiting = try House.Caller(house.socket)
        // Two that send nothing: at least one of them has its answer before its time is over.
        let more = try House.Caller(house.socket)
        #expect(await more.read(toEnd: true).contains("429"))
        #expect(await waiting.read(toEnd: true).contains("429"))
        withExtendedLifetime(kept) {}
        await house.close()
    }

    @Test("a request too many is refused until an earlier one is answered")
    func requests() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let house = try await House(limits: Self.limits([.request: 1])) { router in
            router.get("slow") { _, _ in
                arrive.finish()
                for await _ in released {}
                return "slow"
            }
        }
        let slow = try House.Caller(house.socket)
        try slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        for await _ in arrived {}
        let other = try House.Caller(house.socket)
        let refused = try await other.answer(to: Self.question)
        #expect(refused.hasPrefix("HTTP/1.1 429") && refused.contains("too-many-requests"), "\(refused)")
        release.finish()
        #expect(await slow.read(until: "slow").contains("200 OK"))
        while try await !other.answer(to: Self.question).contains("200 OK") {}
        await house.close()
    }

    @Test("bodies count together, also those that never end")
    func bodies() async throws {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let house = try await House(limits: Self.limits([.bodyByte: 1000])) { router in
            router.post("body") { request, _ in
                var count = 0
                for try await part in request.body {
                    count += part.readableBytes
                    if count == 900 { begin.finish() }
                }
                return "\(count)"
            }
        }
        let half = try House.Caller(house.socket)
        try half.send(Self.begun("/body", String(repeating: "a", count: 900), of: 2000))
        for await _ in begun {}
        let other = try House.Caller(house.socket)
        let refused = try await other.answer(to: Self.begun("/body", String(repeating: "a", count: 200), of: 200))
        #expect(refused.hasPrefix("HTTP/1.1 429") && refused.contains("too-much-sent"), "\(refused)")
        #expect(try await other.answer(to: Self.begun("/body", "12345", of: 5)).contains("200 OK"))
        withExtendedLifetime(half) {}
        await house.close()
    }

    @Test(
        "a request has to arrive whole in its time",
        arguments: ["", "GET / HT", question + "GET", begun("/body", "ab", of: 3), begun("/body", "", of: 3)])
    func slow(text: String) async throws {
        let house = try await House(limits: Self.limits([:]), patience: .milliseconds(50)) { router in
            router.post("body") { request, _ in try await request.bytes().description }
        }
        let caller = try House.Caller(house.socket)
        try caller.send(text)
        let answer = await caller.read(toEnd: true)
        #expect(answer.contains("HTTP/1.1 408") && answer.contains("request-timeout"), "\(answer)")
        await house.close()
    }

    @Test("the time ends with the request, not with its answer")
    func patient() async throws {
        let (passed, pass) = AsyncStream.makeStream(of: Void.self)
        let house = try await House(limits: Self.limits([:]), patience: .milliseconds(50)) { router in
            router.get("late") { _, _ in
                for await _ in passed {}
                return "late"
            }
        }
        let caller = try House.Caller(house.socket)
        try caller.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        // Another connection's time is over meanwhile.
        let other = try House.Caller(house.socket)
        #expect(await other.read(toEnd: true).contains("408"))
        pass.finish()
        #expect(await caller.read(until: "late").contains("200 OK"))
        await house.close()
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import HostModel
import Hummingbird
import Logging
import NIOPosix
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("The daemon's two sockets", .serialized)
struct DoorTests {
    @Test("root's socket is root's alone; the other one is its group's")
    func access() async throws {
        let house = try await House()
        #expect(try house.mode(of: house.rootSocket) == 0o600)
        #expect(try house.mode(of: house.socket) == 0o660)
        await house.close()
    }

    @Test("root is served while clients of the group have all the connections of theirs")
    func reserved() async throws {
        let house = try await House(connections: 2)
        let others = try (0..<2).map { _ in try House.Caller(house.socket) }
        // Both are accepted: the daemon answers them.
        for other in others { #expect(try await other.answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n").contains("200")) }
        let late = try House.Caller(house.socket)
        try late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let client = ControlClient(socketPaths: [house.rootSocket, house.socket])
        #expect(try await client.text("/") == Array("there".utf8))
        #expect(!late.hasAnswer)
        withExtendedLifetime(others) {}
        await house.close()
    }

    @Test("a client goes on to the ordinary socket when root's is missing or refuses")
    func fallsBack() async throws {
        let house = try await House()
        let left = house.folder.path + "/left-behind"
        try "".write(toFile: left, atomically: false, encoding: .utf8)
        for first in [house.folder.path + "/missing", left] {
            #expect(
                try await ControlClient(socketPaths: [first, house.socket]).text("/") == Array("there".utf8))
        }
        await house.close()
        let error = await #expect(throws: ControlError.self) {
            _ = try await ControlClient(socketPaths: [house.rootSocket, house.socket]).text("/")
        }
        #expect(error?.subject == house.socket)
    }

    @Test("only root tries root's socket, and a named socket is the only one")
    func choices() {
        #expect(SocketPath.choices(named: nil, asRoot: true) == ["/run/buslane/admin.sock", SocketPath.standard])
        #expect(SocketPath.choices(named: nil, asRoot: false) == [SocketPath.standard])
        #expect(SocketPath.choices(named: "/tmp/a", asRoot: true) == ["/tmp/a"])
    }
}

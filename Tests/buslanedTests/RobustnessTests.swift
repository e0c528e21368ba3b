// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import Hummingbird
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("What must not stop the daemon")
struct RobustnessTests {
    @Test("a second daemon does not take the socket of the first, nor that of another program")
    func secondDaemon() async throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/a.sock"
        var first: SocketLock? = try SocketLock(on: [path])
        #expect(throws: SocketLock.Trouble.ofAnotherDaemon(path)) { try SocketLock(on: [path + "2", path]) }
        withExtendedLifetime(first) {}
        first = nil
        #expect(throws: Never.self) { try SocketLock(on: [path]) }
        // A server that holds no lock.
        let house = try await House()
        #expect(throws: SocketLock.Trouble.ofAnotherProgram(house.socket)) { try SocketLock(on: [house.socket]) }
        await house.close()
        #expect(throws: Never.self) { try SocketLock(on: [house.socket]) }
        #expect(!FileManager.default.fileExists(atPath: house.socket))
    }

    @Test("a server leaves alone a socket that took the place of its own")
    func ownSocket() async throws {
        let house = try await House()
        let (path, other) = (house.socket, try await House())
        #expect(rename(other.socket, path) == 0)
        await house.close()
        #expect(FileManager.default.fileExists(atPath: path))
        await other.close()
    }

    @Test("signals without a meaning to the daemon do not end it", arguments: [SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2])
    func signals(number: Int32) {
        Daemon.ignoreSignals()
        #expect(raise(number) == 0)
    }

    @Test(
        "what is not HTTP is the client's mistake",
        arguments: ["zz\r\nab\r\n0\r\n\r\n", "-1\r\n", "2\r\nabcd\r\n0\r\n\r\n", "fffffffffffffffff\r\na"])
    func malformedChunk(body: String) async throws {
        let house = try await House { router in
            router.post("body") { request, _ in try await request.bytes().description }
        }
        let caller = try House.Caller(house.socket)
        let head = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let answer = try await caller.answer(to: head + body, toEnd: true)
        #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
        #expect(!answer.contains("500"))
        #expect(try await House.Caller(house.socket).answer(to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n").contains("200 OK"))
        await house.close()
    }

    @Test("the spool takes regular files only, and waits for none")
    func spool() async throws {
        let (scene, folder) = (try Scene(), TemporaryFolder())
        let outside = folder.path + "/outside"
        try "{}".write(toFile: outside, atomically: false, encoding: .utf8)
        #expect(mkfifo(folder.path + "/1.json", 0o600) == 0)
        #expect(symlink(outside, folder.path + "/2.json") == 0)
        #expect(symlink("/dev/zero", folder.path + "/3.json") == 0)
        #expect(mkdir(folder.path + "/4.json", 0o700) == 0)
        try "{}".write(toFile: folder.path + "/4.json/kept", atomically: false, encoding: .utf8)
        await HookSpool(folder: folder.path, calls: scene.daemon.hooks, logger: scene.daemon.logger).takeIn()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["4.json", "outside"])
        #expect(FileManager.default.fileExists(atPath: folder.path + "/4.json/kept"))
    }
}

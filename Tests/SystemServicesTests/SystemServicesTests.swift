// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import SystemServices
import TemporaryFiles
import Testing

@Suite("Services of the operating system")
struct SystemServicesTests {
    @Test("a peer that hung up is seen; a peer that only finished sending still waits for its answer")
    func hungUp() throws {
        func pair() throws -> [Int32] {
            var ends: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            return ends
        }
        let (closed, ended) = (try pair(), try pair())
        defer { for end in [closed[0]] + ended { close(end) } }
        #expect(!UnixSocket.hasHungUp(closed[0]) && !UnixSocket.hasHungUp(ended[0]))
        shutdown(ended[1], Int32(SHUT_WR))
        #expect(!UnixSocket.hasHungUp(ended[0]))
        close(closed[1])
        #expect(UnixSocket.hasHungUp(closed[0]))
    }

    @Test("a socket is opened to its owner and one group; a missing file is an error")
    func access() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "buslane-\(UUID().uuidString)").path
        try "".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(UnixSocket.open(path, to: getgid()) == 0)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o660)
        #expect(UnixSocket.open(path, to: nil) == 0)
        let closed = try FileManager.default.attributesOfItem(atPath: path)
        #expect(closed[.posixPermissions] as? Int == 0o600)
        try FileManager.default.removeItem(atPath: path)
        #expect(UnixSocket.open(path, to: getgid()) == ENOENT)
    }

    @Test("a process removes the socket that it made, and none that another one made since")
    func ownFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "buslane-\(UUID().uuidString)").path
        let there = { FileManager.default.fileExists(atPath: path) }
        let make = { SocketFile(path: path, boundAs: path + ".new") }
        let (notMade, own, next) = (make(), make(), make())
        #expect(own.publish() == ENOENT && !there())
        try "".write(toFile: own.bound, atomically: false, encoding: .utf8)
        #expect(own.publish() == 0 && there())
        notMade.remove()
        #expect(there())
        // The new file exists beside the old one, so that it has another number.
        try "".write(toFile: next.bound, atomically: false, encoding: .utf8)
        #expect(next.publish() == 0)
        own.remove()
        #expect(there())
        next.remove()
        #expect(!there())
    }

    @Test("a socket that a process left behind has no listener")
    func listener() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "buslane-\(UUID().uuidString)").path
        #expect(!UnixSocket.hasListener(path))
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let bound = withUnixAddress(path) { bind(server, $0, $1) }
        try #require(bound == 0 && listen(server, 0) == 0)
        #expect(UnixSocket.hasListener(path))
        // The first connection has filled the queue.
        #expect(UnixSocket.hasListener(path))
        close(server)
        #expect(!UnixSocket.hasListener(path))
        try FileManager.default.removeItem(atPath: path)
        #expect(!UnixSocket.hasListener(String(repeating: "a", count: 200)))
    }

    @Test("users and groups have their names; numbers and names without an entry have none")
    func users() throws {
        let root = try #require(UserDatabase.user(0))
        #expect(root.name == "root" && root.group == 0)
        #expect(UserDatabase.groups(of: "root", primary: 0).contains(0))
        #expect(UserDatabase.name(ofGroup: 0) == "root")
        #expect(UserDatabase.group(named: "root") == 0)
        #expect(UserDatabase.user(4_000_000_001) == nil)
        #expect(UserDatabase.name(ofGroup: 4_000_000_001) == nil)
        #expect(UserDatabase.group(named: "no such group") == nil)
    }

    @Test("the boot clock agrees with the kernel's own text")
    func clock() throws {
        let text = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
        let uptime = try #require(text.split(separator: ".").first.flatMap { Int($0) })
        #expect(abs(BootClock.now() - uptime) <= 2)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import SystemServices
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
        UnixSocket.remove(path)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(UnixSocket.open(path, to: getgid()) == ENOENT)
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

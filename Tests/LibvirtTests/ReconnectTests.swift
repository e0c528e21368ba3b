// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc
import Testing

@testable import Libvirt

/// A private libvirtd that is killed, stopped and started again. It serves libvirt's test driver and touches no guest of
/// this machine. Needs the Debian package libvirt-daemon.
@Suite("A libvirtd that goes away", .serialized, .timeLimit(.minutes(5)))
struct ReconnectTests {
    @Test("killed between two calls: the next call after its return works")
    func killed() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri)
        try await daemon.start()
        #expect(try await libvirt.domain(named: "test").isActive)
        daemon.signal(SIGKILL)
        // The close may have been noticed or not: either way the call fails with an error that says so.
        let error = await #expect(throws: LibvirtError.self) { try await libvirt.domain(named: "test") }
        switch error {
        case .unreachable?, .connectionLost?: break
        default: Issue.record("unexpected: \(String(describing: error))")
        }
        try await daemon.start()
        #expect(try await libvirt.domain(named: "test").isActive)
    }

    @Test("restarted between two calls: one error at most")
    func restarted() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri)
        try await daemon.start()
        for _ in 0..<3 {
            #expect(try await libvirt.domains().count == 1)
            daemon.signal(SIGKILL)
            try await daemon.start()
            do {
                _ = try await libvirt.domains()
            } catch {
                guard case .connectionLost = error else {
                    Issue.record("unexpected: \(error)")
                    continue
                }
            }
        }
    }

    @Test("stopped: keep-alive ends a long call before its own limit, opening again ends with its limit")
    func stopped() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        // One connection: a second one would fail to open, and never test keep-alive.
        let libvirt = LibvirtConnection(uri: daemon.uri, openTimeout: .seconds(1), lines: 1)
        try await daemon.start()
        let xml = try await libvirt.inactiveXML(of: "test")
        daemon.signal(SIGSTOP)
        let start = ContinuousClock.now
        let error = await #expect(throws: LibvirtError.self) { try await libvirt.define(xml) }
        guard case .connectionLost? = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(50), "keep-alive gives up after 20 s, the call after 60 s")
        #expect(await self.error(of: libvirt) == .noAnswer(uri: daemon.uri, after: .seconds(1)))
        daemon.signal(SIGCONT)
        try await daemon.answers()
        #expect(try await libvirt.domain(named: "test").isActive)
    }

    @Test("the events of a killed libvirtd end, and those of the next one come")
    func events() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri)
        for _ in 0..<3 {
            try await daemon.start()
            let events = try await libvirt.events()
            try await libvirt.define(try await libvirt.inactiveXML(of: "test"))
            var changes: [DomainEvent.Change] = []
            for await event in events {
                // Killed earlier, libvirtd may never have sent it.
                if event.change == .defined, !changes.contains(.defined) { daemon.signal(SIGKILL) }
                changes.append(event.change)
            }
            #expect(changes.contains(.defined))
        }
    }

    private func error(of libvirt: LibvirtConnection) async -> LibvirtError? {
        do {
            _ = try await libvirt.domains()
            return nil
        } catch {
            return error
        }
    }
}

/// One libvirtd with a socket of its own.
private final class PrivateDaemon {
    /// Where Debian installs it.
    private static let program = "/usr/sbin/libvirtd"
    private let folder = "/tmp/buslane-lv-\(UInt32.random(in: 0 ... .max))"
    private var process: Process?

    var uri: String { "test+unix:///default?socket=\(folder)/libvirt-sock&mode=direct" }

    init() throws {
        try #require(
            FileManager.default.isExecutableFile(atPath: Self.program), "install libvirt-daemon, or run make setup")
        Glibc.signal(SIGPIPE, SIG_IGN)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "unix_sock_dir = \"\(folder)\"\nauth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n"
            .write(toFile: folder + "/conf", atomically: true, encoding: .utf8)
    }

    func start() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["-f", folder + "/conf", "-p", folder + "/pid", "-t", "60"]
        // No driver modules: the test driver is built in, and QEMU's would want a user of its own.
        process.environment = ["LIBVIRT_DRIVER_DIR": folder, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        try await answers()
    }

    /// Waits until a new connection is served.
    func answers() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while (try? await LibvirtConnection(uri: uri).domains()) == nil {
            try #require(ContinuousClock.now < deadline, "libvirtd did not answer in 60 s")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func signal(_ number: Int32) {
        guard let process else { return }
        kill(process.processIdentifier, number)
        if number == SIGKILL { process.waitUntilExit() }
    }

    func remove() {
        signal(SIGKILL)
        try? FileManager.default.removeItem(atPath: folder)
    }
}

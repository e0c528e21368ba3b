// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc
import Testing

@testable import Libvirt

/// A libvirtd of our own that is killed, stopped and started: set BUSLANE_TEST_LIBVIRTD to its path.
@Suite(
    "A libvirtd that goes away", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["BUSLANE_TEST_LIBVIRTD"] != nil))
struct ReconnectTests {
    @Test("killed between two calls: the next call after its return works")
    func killed() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri)
        try await daemon.start()
        #expect(try await libvirt.domain(named: "test").isActive)
        daemon.signal(SIGKILL)
        // Whether the close was noticed yet or not: an error that says so, and no crash.
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

    @Test("stopped: keep-alive ends the call that waits, opening again ends with its limit")
    func stopped() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri, openTimeout: .seconds(1))
        try await daemon.start()
        #expect(try await libvirt.domain(named: "test").isActive)
        daemon.signal(SIGSTOP)
        let start = ContinuousClock.now
        let error = await #expect(throws: LibvirtError.self) { try await libvirt.domain(named: "test") }
        guard case .connectionLost? = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(await self.error(of: libvirt) == .noAnswer(uri: daemon.uri, after: .seconds(1)))
        daemon.signal(SIGCONT)
        try await Task.sleep(for: .seconds(1))
        #expect(try await libvirt.domain(named: "test").isActive)
    }

    @Test("the events of a killed libvirtd end, and those of the next one come", .timeLimit(.minutes(5)))
    func events() async throws {
        let daemon = try PrivateDaemon()
        defer { daemon.remove() }
        let libvirt = LibvirtConnection(uri: daemon.uri)
        for _ in 0..<3 {
            try await daemon.start()
            let events = try await libvirt.events()
            try await libvirt.define(try await libvirt.inactiveXML(of: "test"))
            daemon.signal(SIGKILL)
            var changes: [DomainEvent.Change] = []
            for await event in events { changes.append(event.change) }
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

private final class PrivateDaemon {
    private let folder = "/tmp/buslane-lv-\(UInt32.random(in: 0 ... .max))"
    private var process: Process?

    var uri: String { "test+unix:///default?socket=\(folder)/libvirt-sock&mode=direct" }

    init() throws {
        Glibc.signal(SIGPIPE, SIG_IGN)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "unix_sock_dir = \"\(folder)\"\nauth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n"
            .write(toFile: folder + "/conf", atomically: true, encoding: .utf8)
    }

    func start() async throws {
        let process = Process()
        let path = ProcessInfo.processInfo.environment["BUSLANE_TEST_LIBVIRTD"] ?? ""
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-f", folder + "/conf", "-p", folder + "/pid", "-t", "60"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        for _ in 0..<100 {
            try await Task.sleep(for: .milliseconds(100))
            if (try? await LibvirtConnection(uri: uri).domains()) != nil { return }
        }
        Issue.record("libvirtd did not come up")
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

// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import Testing

@testable import Libvirt

@Suite("Changes to domains, and their events", .serialized, .timeLimit(.minutes(5)))
struct ChangesTests {
    @Test("events of a definition, a start and metadata arrive in order")
    func events() async throws {
        let host = try TestHost()
        defer { host.remove() }
        let libvirt = LibvirtConnection(uri: host.uri, lines: 1)
        let events = try await libvirt.events()
        let fw1 = try await libvirt.define(try await libvirt.inactiveXML(of: "fw1"))
        try await libvirt.setMetadata(
            "<assignment claim='c1'/>", namespace: "urn:buslane:assignment:1",
            prefix: "a", of: "fw1")
        try await libvirt.start("fw1")
        var seen: [DomainEvent] = []
        for await event in events {
            seen.append(event)
            if event.change == .started { break }
        }
        #expect(seen.allSatisfy { $0.uuid == fw1.uuid && $0.name == "fw1" })
        let wanted: [DomainEvent.Change] = [
            .defined, .metadataChanged(namespace: "urn:buslane:assignment:1"), .started,
        ]
        #expect(seen.map(\.change) == wanted)
        #expect(try await libvirt.domain(named: "fw1").isActive)
        #expect(try await libvirt.inactiveXML(of: "fw1").contains("claim=\"c1\""))
    }

    @Test("the event stream ends when the connection is closed")
    func streamEnds() async throws {
        // All connections of a process to test:///default share one host, and each gets the events of all.
        let host = try TestHost()
        defer { host.remove() }
        let libvirt = LibvirtConnection(uri: host.uri, lines: 1)
        let events = try await libvirt.events()
        libvirt.close()
        var count = 0
        for await _ in events { count += 1 }
        #expect(count == 0)
    }

    @Test("metadata comes and goes; the request beside it stays")
    func metadata() async throws {
        let host = try TestHost()
        defer { host.remove() }
        let libvirt = LibvirtConnection(uri: host.uri, lines: 1)
        let before = try await libvirt.inactiveXML(of: "fw1")
        let namespace = "urn:buslane:assignment:1"
        try await libvirt.setMetadata("<assignment/>", namespace: namespace, prefix: "buslane-a", of: "fw1")
        let with = try await libvirt.inactiveXML(of: "fw1")
        #expect(with.contains(namespace) && with.contains("urn:buslane:request:1"))
        try await libvirt.setMetadata(nil, namespace: namespace, prefix: "buslane-a", of: "fw1")
        #expect(try await libvirt.inactiveXML(of: "fw1") == before)
    }

    @Test("a domain started from other XML runs that, and its persistent XML stays clean")
    func startXML() async throws {
        let host = try TestHost()
        defer { host.remove() }
        let libvirt = LibvirtConnection(uri: host.uri, lines: 1)
        let clean = try await libvirt.inactiveXML(of: "fw1")
        let running = try await libvirt.start(
            xml: clean.replacing("</devices>", with: TestHost.injected + "</devices>"))
        #expect(running.isActive && running.isPersistent)
        #expect(try await libvirt.liveXML(of: "fw1").contains("ua-buslane-nic0"))
        #expect(try await libvirt.inactiveXML(of: "fw1") == clean)
    }

    @Test("attach and detach: an operation that the test driver does not support is a refusal, not a crash")
    func attach() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default", lines: 1)
        let hostdev = """
            <hostdev mode='subsystem' type='pci' managed='no'>
              <source><address domain='0x0000' bus='0xaf' slot='0x00' function='0x1'/></source>
              <alias name='ua-buslane-gpu0'/>
            </hostdev>
            """
        do {
            try await libvirt.attach(hostdev, to: "test")
            #expect(try await libvirt.liveXML(of: "test").contains("ua-buslane-gpu0"))
            try await libvirt.detach(alias: "ua-buslane-gpu0", from: "test")
            #expect(try await libvirt.liveXML(of: "test").contains("ua-buslane-gpu0") == false)
        } catch .refused(let code, _, _) {
            // Before 10.0.0: VIR_ERR_NO_SUPPORT.
            #expect(code == 3)
        }
        await #expect(throws: LibvirtError.noSuchDomain("ghost")) { try await libvirt.attach(hostdev, to: "ghost") }
        await #expect(throws: LibvirtError.noSuchDomain("ghost")) { try await libvirt.start("ghost") }
    }
}

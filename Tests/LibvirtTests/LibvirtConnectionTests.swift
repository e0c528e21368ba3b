// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Foundation
import HostModel
import Testing

@testable import Libvirt

/// libvirt's test driver: a host in this process, no daemon. Each test has a host of its own.
@Suite("A connection to libvirt", .serialized, .timeLimit(.minutes(5)))
struct LibvirtConnectionTests {
    @Test("the default host's domain")
    func defaultHost() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default")
        let domain = try await libvirt.domain(named: "test")
        #expect(domain.name == "test")
        #expect(domain.isActive && domain.isPersistent)
        #expect(try Owner("domain:" + domain.uuid) == .domain(uuid: domain.uuid))
        #expect(try await libvirt.domain(uuid: domain.uuid) == domain)
        #expect(try await libvirt.domains() == [domain])
        #expect(try await libvirt.liveXML(of: "test").contains("<name>test</name>"))
    }

    @Test("injected devices survive a definition: address, alias, VLAN, metadata")
    func defineAndReadBack() async throws {
        let host = try TestHost()
        defer { host.remove() }
        let libvirt = LibvirtConnection(uri: host.uri, lines: 1)
        #expect(try await libvirt.domains().map(\.name).sorted() == ["fw1", "router"])
        let before = try await libvirt.inactiveXML(of: "fw1")
        let after = before.replacing("</devices>", with: TestHost.injected + "</devices>")
        let defined = try await libvirt.define(after)
        #expect(defined.name == "fw1" && !defined.isActive && defined.isPersistent)

        let xml = try await libvirt.inactiveXML(of: "fw1")
        #expect(xml.contains("<alias name='ua-buslane-nic0'/>"))
        #expect(xml.contains("<alias name='ua-buslane-gpu0'/>"))
        #expect(xml.contains("<address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/>"))
        #expect(xml.contains("<address domain='0x0000' bus='0xaf' slot='0x00' function='0x1'/>"))
        #expect(xml.contains("<tag id='42'/>"))
        #expect(xml.contains("<mac address='52:54:00:11:22:33'/>"))
        #expect(xml.contains("urn:buslane:request:1"))
        // Defining what libvirt printed changes nothing: the daemon sees its own change once.
        try await libvirt.define(xml)
        #expect(try await libvirt.inactiveXML(of: "fw1") == xml)
        #expect(try await libvirt.inactiveXML(of: "router").contains("ua-buslane") == false)
    }

    @Test("an unknown domain is named")
    func unknownDomain() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default")
        await #expect(throws: LibvirtError.noSuchDomain("ghost")) { try await libvirt.domain(named: "ghost") }
        await #expect(throws: LibvirtError.noSuchDomain("ghost")) { try await libvirt.inactiveXML(of: "ghost") }
        let uuid = "00000000-0000-4000-8000-000000000000"
        await #expect(throws: LibvirtError.noSuchDomain(uuid)) { try await libvirt.domain(uuid: uuid) }
        // A refusal leaves the connection as it was.
        #expect(try await libvirt.domains().count == 1)
    }

    @Test("a refusal has libvirt's code and message")
    func refused() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default")
        for xml in ["", "<domain", "<domain type='test'><name>x</name><colour/></domain>"] {
            let error = await #expect(throws: LibvirtError.self) { try await libvirt.define(xml) }
            guard case .refused(let code, _, let message)? = error else {
                Issue.record("not a refusal: \(String(describing: error))")
                continue
            }
            #expect(code != 0 && !message.isEmpty)
            #expect(error?.description.contains("\n") == false)
        }
    }

    @Test("the error of an unreachable host names the host and the reason", arguments: ["/nonexistent/libvirt.sock"])
    func unreachable(socket: String) async throws {
        let uri = "test+unix:///default?socket=\(socket)&mode=direct"
        let libvirt = LibvirtConnection(uri: uri)
        let error = await #expect(throws: LibvirtError.self) { try await libvirt.domains() }
        guard case .unreachable(uri, let reason)? = error else {
            Issue.record("not unreachable: \(String(describing: error))")
            return
        }
        #expect(reason.contains(socket))
    }

    @Test("no driver has this URI")
    func wrongURI() async throws {
        let error = await #expect(throws: LibvirtError.self) {
            try await LibvirtConnection(uri: "nonsense:///").domain(named: "x")
        }
        guard case .unreachable("nonsense:///", _)? = error else {
            Issue.record("not unreachable: \(String(describing: error))")
            return
        }
    }

    @Test("a server that accepts and never answers costs the time limit, and the next call starts no thread")
    func silentServer() async throws {
        let server = try SilentServer()
        let libvirt = LibvirtConnection(uri: server.uri, openTimeout: .milliseconds(200), lines: 1)
        let silence = LibvirtError.noAnswer(uri: server.uri, after: .milliseconds(200))
        for _ in 0..<3 { await #expect(throws: silence) { try await libvirt.domains() } }
        // A busy machine may take longer than that to make the one connection; it never makes another beside it.
        while server.connections == 0 { await Task.yield() }
        await #expect(throws: silence) { try await libvirt.domains() }
        #expect(server.connections == 1)
        server.hangUp()
        var error: LibvirtError?
        // Wait until the attempt on the closed connection has failed.
        repeat {
            error = await #expect(throws: LibvirtError.self) { try await libvirt.domains() }
        } while error == silence
        guard case .unreachable? = error else {
            Issue.record("not unreachable: \(String(describing: error))")
            return
        }
    }

    @Test("closed and used again")
    func reopened() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default")
        _ = try await libvirt.domain(named: "test")
        libvirt.close()
        #expect(try await libvirt.domain(named: "test").isActive)
    }

    @Test("many calls at once on several connections")
    func concurrent() async throws {
        let host = try TestHost()
        defer { host.remove() }
        let connections = (0..<4).map { _ in LibvirtConnection(uri: host.uri) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                let libvirt = connections[index % connections.count]
                group.addTask {
                    if index % 3 == 0 { return (try? await libvirt.domain(named: "ghost")) == nil }
                    return try await libvirt.inactiveXML(of: index % 2 == 0 ? "fw1" : "router").contains("<domain")
                }
            }
            for try await result in group { #expect(result) }
        }
    }
}

/// A host of two domains for the test driver, in a folder of its own.
struct TestHost {
    let folder = FileManager.default.temporaryDirectory.appending(path: "buslane-\(UUID().uuidString)")

    var uri: String { "test://" + folder.appending(path: "node.xml").path }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let domains = ["fw1", "router"].map { name in
            """
            <domain type='test'>
              <name>\(name)</name>
              <metadata>
                <buslane:request xmlns:buslane="urn:buslane:request:1"><buslane:device name="nic0" pool="p"/></buslane:request>
              </metadata>
              <memory unit='MiB'>64</memory>
              <os><type>hvm</type></os>
              <devices>
              </devices>
            </domain>
            """
        }
        // The test driver starts what it finds; `state` 5 is shut off.
        let state = "<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>5</test:runstate>"
        let node = domains.map { $0.replacing("</domain>", with: state + "</domain>") }.joined()
        try "<node>\(node)</node>".write(to: folder.appending(path: "node.xml"), atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    static let injected = """
        <interface type='hostdev' managed='no'>
          <mac address='52:54:00:11:22:33'/>
          <source>
            <address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/>
          </source>
          <vlan>
            <tag id='42'/>
          </vlan>
          <alias name='ua-buslane-nic0'/>
        </interface>
        <hostdev mode='subsystem' type='pci' managed='no'>
          <source>
            <address domain='0x0000' bus='0xaf' slot='0x00' function='0x1'/>
          </source>
          <alias name='ua-buslane-gpu0'/>
        </hostdev>
        """
}

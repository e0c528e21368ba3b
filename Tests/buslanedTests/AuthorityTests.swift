// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import HTTPTypes
import HostModel
import Hummingbird
import Ledger
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import buslaned

@Suite("What a member of the group buslane may not do in another's name")
struct AuthorityTests {
    /// A user id that no user database has, so that it is in no group.
    private static let member = PeerCredentials(pid: 7, uid: 4_000_000_001, gid: 4_000_000_001)
    private let scene: Scene

    init() async throws {
        scene = try Scene()
        try await scene.apply(Scene.declaring(4))
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] } } ]")
    }

    /// The status of the daemon's answer to this process.
    private func status(
        of path: String, _ body: String, as peer: PeerCredentials = member
    ) async throws -> HTTPResponse.Status {
        let channel = NIOAsyncTestingChannel()
        try await channel.connect(to: try SocketAddress(unixDomainSocketPath: "/run/buslane/buslane.sock"))
        ConnectionPeers.note(peer, of: ObjectIdentifier(channel as any Channel))
        let head = HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: path)
        let context = PeerContext(
            source: ApplicationRequestContextSource(
                channel: channel, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let responder = try RouteTests.router(of: scene).buildResponder()
        return try await responder.respond(
            to: Request(head: head, body: .init(buffer: ByteBuffer(string: body))), context: context
        ).status
    }

    @Test(
        "owners that are not the member's are refused before they are looked up, at every door",
        arguments: [
            "domain:fw1", "domain:4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "domain:none", "unit:dpdk.service", "pid:1",
            "uid-0", "uid-1000",
        ])
    func owners(owner: String) async throws {
        for path in ["/v1/claims", "/v1/claims/wait", "/v1/claims/explain"] {
            let wait = path.hasSuffix("wait") ? #", "waitSeconds": 1"# : ""
            let body = #"{"pool": "vfs", "owner": "\#(owner)"\#(wait)}"#
            #expect(try await status(of: path, body) == .forbidden, "\(path)")
        }
        #expect(try await status(of: "/v1/claims/release", #"{"claims": [], "owner": "\#(owner)"}"#) == .forbidden)
        #expect(try await scene.ledger.claims().isEmpty)
        // Three are alike: they are counted.
        #expect(try await scene.ledger.trail.newest().suffix(2).map(\.subject) == [owner, owner])
    }

    @Test("the member's own name and a free one are served, and a name that root has is not")
    func names() async throws {
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs"}"#) == .ok)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "owner": "router"}"#) == .ok)
        _ = try await scene.daemon.allocator.allocate(
            ClaimRequest(pool: Scene.pool, owner: .name("backup"), uid: 0), by: Scene.root)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "owner": "backup"}"#) == .forbidden)
        let owners = try await scene.ledger.claims().map(\.owner)
        #expect(owners == [.name("uid-4000000001"), .name("router"), .name("backup")])
    }

    @Test(
        "an XML and a hook's call are refused before they are read: even what is no document gives 'not permitted'",
        arguments: ["/v1/domains/inject", "/v1/hooks"], ["", "{", #"{"xml": "<domain"}"#])
    func documents(path: String, body: String) async throws {
        #expect(try await status(of: path, body) == .forbidden)
        #expect(try await status(of: path, body, as: PeerCredentials(pid: 7, uid: 0, gid: 0)) != .forbidden)
    }

    @Test("a member releases and renews no claim of a domain, not even one that the same user made")
    func domainClaims() async throws {
        let made = try await scene.daemon.allocator.allocate(
            ClaimRequest(
                pool: Scene.pool, owner: .domain(uuid: Domain.uuid), ownerName: "fw1", uid: Int(Self.member.uid),
                ttl: 60), by: Self.member.actor)
        for path in ["/v1/claims/release", "/v1/claims/renew"] {
            #expect(try await status(of: path, #"{"claims": ["\#(made.id)"]}"#) == .forbidden)
        }
        #expect(try await scene.ledger.claims().map(\.id) == [made.id])
    }

    @Test("a quota counts the functions of a user's claims under any name, and is not used up by others")
    func quota() async throws {
        try scene.configure("pools: [ { name: vfs, select: { kinds: [virtual-function] }, maxClaims: 2 } ]")
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "count": 3}"#) == .conflict)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "count": 2, "owner": "router"}"#) == .ok)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "owner": "backup"}"#) == .conflict)
        let other = PeerCredentials(pid: 8, uid: 4_000_000_002, gid: 4_000_000_002)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "owner": "router"}"#, as: other) == .forbidden)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "count": 2}"#, as: other) == .ok)
        #expect(try await scene.ledger.claims().map(\.assignments.count) == [2, 2])
    }

    @Test(
        "settings that the pool does not let its users choose are refused, and root chooses them",
        arguments: [
            #""trust": true"#, #""spoofCheck": false"#, #""minTxRate": 100"#, #""vlan": 200"#,
            #""mac": "52:54:00:11:22:33""#,
        ])
    func choices(setting: String) async throws {
        try scene.configure(
            """
            pools:
              - name: vfs
                select: { kinds: [virtual-function] }
                choices: { vlans: "100-199", mac: false }
            """)
        let root = PeerCredentials(pid: 7, uid: 0, gid: 0)
        for body in [
            #"{"pool": "vfs", \#(setting)}"#,
            #"{"devices": [{"name": "a", "pool": "vfs", "vlan": 100}, {"name": "b", "pool": "vfs", \#(setting)}]}"#,
        ] {
            #expect(try await status(of: "/v1/claims", body) == .forbidden)
            #expect(try await status(of: "/v1/claims", body, as: root) == .ok)
        }
        #expect(try await scene.ledger.claims().allSatisfy { $0.uid == 0 })
        let wait = #"{"pool": "vfs", "waitSeconds": 1, \#(setting)}"#
        #expect(try await status(of: "/v1/claims/wait", wait) == .forbidden)
        #expect(try await status(of: "/v1/claims", #"{"pool": "vfs", "vlan": 100}"#) == .ok)
    }
}

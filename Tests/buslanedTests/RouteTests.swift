// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HTTPTypes
import HostIO
import HostModel
import Hummingbird
import Ledger
import Libvirt
import Logging
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("Requests that no route takes")
struct RouteTests {
    private static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .delete, .patch, .options, .trace, .connect, HTTPRequest.Method("BREW")!,
    ]

    /// The daemon's router. No route of it is called that reads the host's files.
    static func router(of scene: Scene? = nil) throws -> Router<PeerContext> {
        let scene = try scene ?? Scene()
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        try FileManager.default.createDirectory(atPath: folder.path + "/sys", withIntermediateDirectories: true)
        let host = try KernelHost(
            paths: HostPaths(root: folder.path), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let libvirt = LibvirtConnection(uri: "test:///default")
        return Routes(
            daemon: scene.daemon, domains: DomainWiring(libvirt: libvirt, daemon: scene.daemon),
            inventory: InventoryText(host: host, ledger: scene.ledger, threads: scene.daemon.threads),
            owners: OwnerNames(
                ledger: scene.ledger, libvirt: libvirt, processes: Processes(), permissions: scene.daemon.permissions),
            file: LedgerFile(path: folder.path + "/ledger.sqlite"),
            spool: HookSpool(folder: folder.path, calls: scene.daemon.hooks, logger: scene.daemon.logger),
            limits: ClientLimits()
        ).router
    }

    @Test("a method that a path does not have is refused with those that it has, for each path")
    func methods() throws {
        let router = try Self.router()
        let unrouted = UnroutedRequests(of: router)
        let routes = Dictionary(grouping: router.routes, by: \.path.description).mapValues { $0.map(\.method) }
        #expect(routes.count > 20)
        for (path, own) in routes {
            let allowed = own.contains(.get) ? own + [.head] : own
            for method in Self.methods where !allowed.contains(method) {
                let answer = unrouted.refusal(of: method, path)
                let (status, body) = ErrorMapping.answer(to: answer)
                #expect(status == .methodNotAllowed, "\(method) \(path)")
                #expect(body.error.code == "method-not-allowed" && body.error.subject == path)
                #expect(body.error.message.contains(method.rawValue))
                let listed = answer.headers[.allow]?.split(separator: ", ").map(String.init)
                #expect(listed == allowed.map(\.rawValue).sorted(), "\(method) \(path)")
            }
        }
    }

    @Test("the router's spellings of a path are known too", arguments: ["/v1/claims/", "//v1//claims", "v1/claims"])
    func spellings(path: String) throws {
        let refusal = UnroutedRequests(of: try Self.router()).refusal(of: .delete, path)
        #expect(refusal.headers[.allow] == "GET, HEAD, POST")
    }

    @Test(
        "a path that there is not is no matter of its method", arguments: ["/", "", "/v1", "/v1/claim", "/v2/claims"])
    func paths(path: String) throws {
        let refusal = UnroutedRequests(of: try Self.router()).refusal(of: .get, path)
        #expect(refusal == .unknownPath(path) && refusal.headers.isEmpty)
        #expect(ErrorMapping.answer(to: refusal).0 == .notFound)
    }
}

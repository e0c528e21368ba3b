// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import DomainXML
import HostIO
import HostModel
import Hummingbird
import Ledger
import NIOCore

/// The routes: what a request means, and who does it. No rule lives here.
struct API: Sendable {
    let reconciler: Reconciler
    let domains: DomainService
    let inventory: InventoryText
    let file: LedgerFile
    let processes: Processes

    /// Larger requests are refused: a domain XML has some kilobytes.
    private static let requestLimit = 8 << 20

    func router() -> Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorMapping())
        router.get(RouterPath(Route.health)) { _, _ in
            try Response(json: health)
        }
        router.get(RouterPath(Route.inventory)) { _, _ in
            Response(status: .ok, headers: .json, body: ResponseBody(contentsOf: try await inventory.current()))
        }
        router.get(RouterPath(Route.inventoryChanges)) { _, _ in inventory.changes() }
        router.get(RouterPath(Route.pools)) { _, _ in try Response(json: try await pools()) }
        router.get(RouterPath(Route.audit)) { _, _ in try Response(json: try await audit()) }
        addEventRoutes(to: router)
        addClaimRoutes(to: router)
        addPlanRoutes(to: router)
        addDomainRoutes(to: router)
        addLedgerRoutes(to: router)
        return router
    }

    private var health: HealthDocument {
        HealthDocument(version: Version.current, problems: reconciler.problems)
    }

    func body<Value: Decodable>(_ type: Value.Type, of request: Request) async throws -> Value {
        let bytes = [UInt8]((try await request.body.collect(upTo: Self.requestLimit)).readableBytesView)
        let value = try JSON.decode(type, from: bytes)
        try JSON.refuseUnknownFields(in: bytes, of: value)
        return value
    }

    /// Who asks, when that is root.
    func root(_ context: PeerContext, _ verb: String, _ subject: String) async throws -> AuditEntry.Actor {
        let peer = try await context.peer()
        try await reconciler.permitted(verb, subject, to: peer) { caller throws(Refusal) in
            try caller.mustBeRoot(to: verb, subject)
        }
        return peer.actor
    }

    /// Who asks, when they may change domains.
    private func domainManager(_ context: PeerContext, _ verb: String, _ domain: String) async throws -> PeerCredentials
    {
        let peer = try await context.peer()
        try await reconciler.permitted(verb, domain, to: peer) { caller throws(Refusal) in
            try caller.mustManageDomains(domain)
        }
        return peer
    }

    private func addDomainRoutes(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.inject)) { request, context in
            let asked = try await body(InjectRequest.self, of: request)
            return try Response(json: try await domains.inject(into: asked.xml, by: try await context.peer()))
        }
        router.post(RouterPath(Route.attach)) { request, context in
            let asked = try await body(DomainNameRequest.self, of: request)
            let peer = try await domainManager(context, "domain attach", asked.domain)
            return try Response(json: try await domains.attach(asked.domain, by: peer))
        }
        router.post(RouterPath(Route.detach)) { request, context in
            let asked = try await body(DomainNameRequest.self, of: request)
            let peer = try await domainManager(context, "domain detach", asked.domain)
            return try Response(json: try await domains.detach(asked.domain, by: peer.actor))
        }
        // Nothing behind this route may wait for libvirt: libvirt waits for it.
        router.post(RouterPath(Route.hooks)) { request, context in
            let call = try await body(HookRequest.self, of: request)
            let domain = try Domain(parsing: call.xml)
            let actor = try await root(context, "hook \(call.operation)", domain.name)
            switch call.operation {
            case "prepare": try await reconciler.prepare(domain, by: actor)
            case "release": try await reconciler.stopped(domain, reason: call.reason, by: actor)
            default: break
            }
            return try Response(json: health)
        }
    }
}

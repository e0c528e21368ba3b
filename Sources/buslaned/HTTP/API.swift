// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostIO
import HostModel
import Hummingbird
import Ledger
import NIOCore

/// The routes: what a request means, and who does it. No rule lives here.
struct API: Sendable {
    let reconciler: Reconciler
    let domains: DomainService
    let live: RunningGuests
    let inventory: InventoryText
    let file: LedgerFile
    let spool: HookSpool
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
        addHookRoute(to: router)
        return router
    }

    var health: HealthDocument {
        HealthDocument(version: Version.current, problems: reconciler.problems)
    }

    /// - Parameter strictly: whether what the document says beyond that is refused.
    func body<Value: Decodable>(
        _ type: Value.Type, of request: Request, strictly: Bool = true
    ) async throws -> Value {
        let bytes = [UInt8]((try await request.body.collect(upTo: Self.requestLimit)).readableBytesView)
        return try strictly ? JSON.decodeStrictly(type, from: bytes) : JSON.decode(type, from: bytes)
    }

    /// Who asks, when that is root.
    func root(_ context: PeerContext, _ verb: String, _ subject: String) async throws -> AuditEntry.Actor {
        let peer = try context.peer()
        try await reconciler.permitted(verb, subject, to: peer) { caller throws(Refusal) in
            try caller.mustBeRoot(to: verb, subject)
        }
        return peer.actor
    }
}

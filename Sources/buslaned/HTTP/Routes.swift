// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird
import Ledger
import NIOCore

/// Routes about one thing. A route decodes the request, calls a part of the daemon, and encodes the result. Rules live
/// elsewhere.
protocol RouteGroup: Sendable {
    func add(to router: Router<PeerContext>)
}

/// All routes, and what each group of them is given.
struct Routes {
    let daemon: Wiring
    let domains: DomainWiring
    let inventory: InventoryText
    let owners: OwnerNames
    let file: LedgerFile
    let spool: HookSpool
    let limits: ClientLimits

    private var groups: [any RouteGroup] {
        let (ledger, permissions, cards) = (daemon.ledger, daemon.permissions, daemon.cards)
        return [
            HealthRoutes(problems: cards.problems, cards: cards.findings),
            InventoryRoutes(inventory: inventory),
            ClaimRoutes(
                ledger: ledger, pools: daemon.pools, owners: owners, permissions: permissions,
                candidates: daemon.candidates, allocator: daemon.allocator, release: daemon.release,
                expiry: daemon.expiry, binder: domains.binder),
            PlanRoutes(
                configuration: daemon.configuration, permissions: permissions, apply: cards.apply,
                threads: daemon.threads),
            QuarantineRoutes(permissions: permissions, quarantine: cards.quarantine),
            DomainRoutes(
                permissions: permissions, binder: domains.binder, guests: domains.guests, pictures: domains.pictures,
                troubles: domains.troubles),
            EventRoutes(ledger: ledger), AuditRoutes(ledger: ledger),
            LedgerRoutes(ledger: ledger, file: file, permissions: permissions, audit: daemon.audit),
            HookRoutes(permissions: permissions, spool: spool, calls: daemon.hooks, problems: cards.problems),
        ]
    }

    var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorMapping())
        router.add(middleware: Admission(limits: limits))
        router.add(middleware: RequestThreads(threads: daemon.threads))
        for group in groups { group.add(to: router) }
        router.add(middleware: UnroutedRequests(of: router))
        return router
    }
}

extension Request {
    /// The request's document. An unknown field is an error.
    func decoded<Value: RequestDocument>(as type: Value.Type) async throws -> Value {
        try JSON.decodeStrictly(type, from: try await bytes())
    }

    /// The whole body.
    ///
    /// - Throws: ``RequestRefusal`` for a larger one than the limit.
    func bytes() async throws -> [UInt8] {
        do {
            return [UInt8](try await body.collect(upTo: RequestLimits.body).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw RequestRefusal.tooLarge(limit: RequestLimits.body)
        }
    }
}

/// A response of JSON documents, one on each line.
struct JSONLines {
    fileprivate var writer: any ResponseBodyWriter

    mutating func write(_ document: some Encodable) async throws {
        try await writer.write(ByteBuffer(bytes: try JSON.line(document)))
    }
}

extension Response {
    /// - Parameter context: of the client. The work is cancelled when it disconnects.
    init(for context: PeerContext, jsonLines body: @escaping @Sendable (inout JSONLines) async throws -> Void) {
        self.init(
            status: .ok, headers: .jsonLines,
            body: ResponseBody(for: context) { writer in
                var lines = JSONLines(writer: writer)
                try await body(&lines)
            })
    }
}

extension ResponseBody {
    /// A body that goes on as long as its work, or until its client disconnects: work that waits for the next event would
    /// not notice that until there is one.
    init(for context: PeerContext, _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void) {
        self.init { writer in
            // SAFETY: this task does not use the writer while the work does.
            nonisolated(unsafe) let lent = writer
            try await context.whileConnected {
                var own = unsafe lent
                try await write(&own)
            }
            try await writer.finish(nil)
        }
    }
}

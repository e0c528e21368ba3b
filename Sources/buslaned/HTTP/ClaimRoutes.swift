// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird
import Ledger
import NIOCore

/// Pools and claims.
struct ClaimRoutes: RouteGroup {
    let ledger: Ledger
    let pools: PoolDirectory
    let owners: OwnerNames
    let permissions: Permissions
    let candidates: CandidateSelection
    let allocator: ClaimAllocator
    let release: ClaimRelease
    let expiry: ClaimExpiry
    let binder: DomainBinder

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.pools)) { _, _ in
            try Response(json: PoolsDocument(pools: try await pools.supplies().map(PoolsDocument.Pool.init)))
        }
        router.get(RouterPath(Route.claims)) { _, _ in
            try Response(json: ClaimsDocument(try await ledger.claims()))
        }
        router.post(RouterPath(Route.claims)) { request, context in
            let peer = try context.peer()
            let requests = try await admitted(try await request.decoded(as: AllocateRequest.self), from: peer)
            let claims = try await allocator.allocate(all: requests, by: peer.actor)
            if try await context.isAbandoned {
                try await release.releaseUndelivered(claims, by: peer.actor)
                throw ChannelError.outputClosed
            }
            return try Response(json: ClaimsDocument(claims))
        }
        router.post(RouterPath(Route.waitingClaims)) { request, context in
            let asked = try await request.decoded(as: AllocateRequest.self)
            let peer = try context.peer()
            let limit = try asked.patience()
            let requests = try await admitted(asked, from: peer)
            let caller = try peer.caller
            try context.share?.become(.waitingClaim)
            // A refusal before the waiting is an ordinary error response.
            let updates = try await allocator.allocate(
                all: requests, waitingUpTo: limit, for: caller, by: peer.actor,
                renewing: { try $0.map { try pools.renewed($0, of: caller) } })
            return waiting(for: requests, updates, by: peer.actor, context)
        }
        router.post(RouterPath(Route.renewal)) { request, context in
            let asked = try await request.decoded(as: RenewRequest.self)
            return try Response(json: ClaimsDocument(try await expiry.renew(asked.claims, for: try context.peer())))
        }
        router.post(RouterPath(Route.rebinding)) { request, context in
            let asked = try await request.decoded(as: RebindRequest.self)
            let (target, peer) = (try asked.target(), try context.peer())
            try await permissions.mustBeRoot(peer, to: "rebind", asked.claim)
            let claim = try await binder.rebind(asked.claim, to: target, by: peer.actor)
            return try Response(json: ClaimsDocument([claim]))
        }
        router.post(RouterPath(Route.explanation)) { request, context in
            let asked = try await request.decoded(as: AllocateRequest.self)
            let all = try await claimRequests(asked, from: try context.peer())
            guard let wanted = all.first, all.count == 1 else {
                throw MalformedDocument(
                    field: "devices", problem: "it has \(all.count) entries, more than 1: each is explained by itself")
            }
            return try Response(json: ExplanationDocument(try await candidates.explain(wanted)))
        }
        router.post(RouterPath(Route.release)) { request, context in
            let asked = try await request.decoded(as: ReleaseRequest.self)
            let (generation, peer) = (try asked.checkedGeneration(), try context.peer())
            var owner: Owner?
            if let name = asked.owner { owner = try await owners.owner(named: name, for: peer, to: "release").owner }
            let outcomes = try await release.release(asked.claims, allOf: owner, generation: generation, for: peer)
            return try Response(json: ClaimsDocument(claims: outcomes.map(ClaimsDocument.Claim.init)))
        }
    }

    // MARK: - Requests

    /// - Throws: ``Refusal`` unless the caller may act for the owner and claim from all requested pools.
    private func admitted(_ asked: AllocateRequest, from peer: PeerCredentials) async throws -> [ClaimRequest] {
        let requests = try await claimRequests(asked, from: peer)
        try await permissions.mustBeAdmitted(peer, to: requests)
        return requests
    }

    private func claimRequests(_ asked: AllocateRequest, from peer: PeerCredentials) async throws -> [ClaimRequest] {
        let parts = try asked.parts()
        let (owner, name) = try await owners.owner(
            named: asked.owner ?? Owner.name(ofUser: Int(peer.uid)), for: peer, to: "allocate")
        return try parts.map { part in
            ClaimRequest(
                pool: try pools.pool(part.pool), count: part.count, owner: owner, ownerName: name,
                numa: asked.numa, spread: asked.spread, settings: part.settings, uid: Int(peer.uid),
                ttl: asked.ttlSeconds,
                deviceName: part.name)
        }
    }

    // MARK: - Waiting

    /// One line for each change of the place in the queue, then a last line with the claims or the error.
    private func waiting(
        for requests: [ClaimRequest], _ updates: AsyncStream<AllocationQueue.Update>, by actor: AuditEntry.Actor,
        _ context: PeerContext
    ) -> Response {
        Response(for: context) { output in
            for await update in updates {
                switch update {
                case .place(let before): try await output.write(ClaimLine(before: before))
                case .ended(.success(let claims)):
                    do {
                        if try await context.isAbandoned { throw ChannelError.outputClosed }
                        try await output.write(ClaimLine(made: ClaimsDocument(claims)))
                    } catch {
                        // In its own task: this one is cancelled when the client disconnects.
                        try await Task { try await release.releaseUndelivered(claims, by: actor) }.value
                        throw error
                    }
                case .ended(.failure(let error)):
                    try await allocator.recordRefusal(of: requests, error, by: actor)
                    try await output.write(
                        ClaimLine(
                            error: ErrorMapping.answer(to: error).1.error,
                            isTemporary: (error as? any Reportable)?.isTemporary ?? false))
                }
            }
        }
    }
}

extension ClaimsDocument {
    fileprivate init(_ claims: [HostModel.Claim]) { self.init(claims: claims.map { .init($0) }) }
}

extension ClaimsDocument.Claim {
    fileprivate init(_ outcome: ClaimRelease.Outcome) {
        switch outcome {
        case .released(let claim): self.init(claim, alreadyReleased: false)
        case .alreadyReleased(let claim): self.init(claim, alreadyReleased: true)
        }
    }
}

extension PoolsDocument.Pool {
    fileprivate init(_ supply: PoolDirectory.Supply) {
        self.init(
            name: supply.pool.name, numa: supply.pool.numa, total: supply.members.count, free: supply.free.count,
            nodes: supply.nodes.map { .init(node: $0.node, free: $0.free) },
            functions: supply.members.map(\.address))
    }
}

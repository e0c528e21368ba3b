// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import HostModel
import Hummingbird
import Ledger
import NIOCore

extension API {
    func addClaimRoutes(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.claims)) { _, _ in
            let claims = try await reconciler.ledger.claims()
            return try Response(json: ClaimsDocument(claims: claims.map { .init($0) }))
        }
        router.post(RouterPath(Route.claims)) { request, context in
            let asked = try await body(AllocateRequest.self, of: request)
            let peer = try context.peer()
            let claims = try await reconciler.allocate(all: try await admitted(asked, from: peer), by: peer.actor)
            if try await context.isAbandoned {
                try await reconciler.giveBackUntold(claims, by: peer.actor)
                throw ChannelError.outputClosed
            }
            return try Response(json: ClaimsDocument(claims: claims.map { .init($0) }))
        }
        router.post(RouterPath(Route.waitingClaims)) { request, context in
            let asked = try await body(AllocateRequest.self, of: request)
            let peer = try context.peer()
            let limit = try asked.patience()
            return waiting(try await admitted(asked, from: peer), upTo: limit, by: peer.actor, context)
        }
        router.post(RouterPath(Route.renewal)) { request, context in
            let asked = try await body(RenewRequest.self, of: request)
            let peer = try context.peer()
            try await mustOwn(try await claims(ReleaseRequest(claims: asked.claims, owner: nil)), peer, "renew")
            var renewed: [Claim] = []
            for id in asked.claims { renewed.append(try await reconciler.renew(id, by: peer.actor)) }
            return try Response(json: ClaimsDocument(claims: renewed.map { .init($0) }))
        }
        router.post(RouterPath(Route.explanation)) { request, context in
            let asked = try await body(AllocateRequest.self, of: request)
            let all = try await claimRequests(asked, from: try context.peer())
            guard let wanted = all.first, all.count == 1 else {
                throw MalformedValue(
                    kind: "question", text: "\(all.count) devices", expected: "one pool: each is explained by itself")
            }
            let explanation = try Placement.explain(
                wanted, on: try reconciler.host.snapshot(), holdings: try await reconciler.holdings())
            return try Response(json: ExplanationDocument(explanation))
        }
        router.post(RouterPath(Route.release)) { request, context in
            let asked = try await body(ReleaseRequest.self, of: request)
            let peer = try context.peer()
            var outcomes: [Reconciler.ReleaseOutcome] = []
            // Refused before the first one is given back: what is unknown, and what is another's. Nothing is another's to
            // root, and of a single claim the release itself tells that it is unknown.
            if !peer.caller.isRoot || asked.claims.count != 1 || asked.owner != nil {
                try await mustOwn(try await claims(asked), peer, "release")
            }
            let generation = try asked.checkedGeneration()
            for id in asked.claims {
                outcomes.append(try await reconciler.release(id, generation: generation, by: peer.actor))
            }
            if let owner = asked.owner {
                outcomes += try await reconciler.release(
                    allOf: try await self.owner(named: owner).owner, by: peer.actor)
            }
            return try Response(json: ClaimsDocument(claims: outcomes.map(ClaimsDocument.Claim.init)))
        }
    }

    private func waiting(
        _ requests: [ClaimRequest], upTo limit: Duration, by actor: AuditEntry.Actor, _ context: PeerContext
    ) -> Response {
        Response(
            status: .ok, headers: .jsonLines,
            body: ResponseBody { writer in
                func write(_ line: ClaimLine) async throws {
                    try await writer.write(ByteBuffer(bytes: try JSON.encode(line, pretty: false) + [0x0a]))
                }
                for await update in await reconciler.allocate(all: requests, waitingUpTo: limit, by: actor) {
                    switch update {
                    case .place(let before): try await write(ClaimLine(before: before))
                    case .ended(.success(let claims)):
                        do {
                            if try await context.isAbandoned { throw ChannelError.outputClosed }
                            try await write(ClaimLine(made: ClaimsDocument(claims: claims.map { .init($0) })))
                        } catch {
                            try await reconciler.giveBackUntold(claims, by: actor)
                            throw error
                        }
                    case .ended(.failure(let error)):
                        try await reconciler.noteRefusal(AuditEntry.Draft(allocating: requests, by: actor), error)
                        try await write(ClaimLine(error: ErrorMapping.answer(to: error).1.error))
                    }
                }
                try await writer.finish(nil)
            })
    }

    private func mustOwn(_ claims: [Claim], _ peer: PeerCredentials, _ verb: String) async throws {
        for claim in claims {
            try await reconciler.permitted(verb, claim.id, to: peer) { caller throws(Refusal) in
                try caller.mustOwn(claim, to: verb)
            }
        }
    }

    private func claims(_ asked: ReleaseRequest) async throws -> [Claim] {
        var claims: [Claim] = []
        for id in asked.claims {
            guard let claim = try await reconciler.ledger.claim(id) else { throw Refusal.unknownClaim(id) }
            claims.append(claim)
        }
        if let owner = asked.owner {
            let owner = try await self.owner(named: owner).owner
            claims += try await reconciler.ledger.claims(of: owner)
        }
        return claims
    }

    /// Who is meant: what `pid:PID` is, the process table knows, or a claim of one that is gone.
    private func owner(named text: String) async throws -> (owner: Owner, name: String) {
        guard text.hasPrefix("pid:"), let pid = Int(text.dropFirst("pid:".count)) else {
            return try await domains.owner(named: text)
        }
        if let start = processes.startTime(of: pid) { return (.process(pid: pid, startTime: start), text) }
        for claim in try await reconciler.ledger.claims() {
            if case .process(pid, _) = claim.owner { return (claim.owner, claim.ownerName) }
        }
        throw Refusal.unknownProcess(pid)
    }

    /// What is asked for, when the caller may have all of it.
    private func admitted(_ asked: AllocateRequest, from peer: PeerCredentials) async throws -> [ClaimRequest] {
        let requests = try await claimRequests(asked, from: peer)
        for request in requests {
            try await reconciler.permitted("allocate", request.pool.name, to: peer) { caller throws(Refusal) in
                try caller.mustBeAdmitted(to: request.pool)
            }
        }
        return requests
    }

    private func claimRequests(_ asked: AllocateRequest, from peer: PeerCredentials) async throws -> [ClaimRequest] {
        let parts = try asked.parts()
        let ttl = try asked.life()
        let (owner, name) = try await self.owner(named: asked.owner ?? "uid-\(peer.uid)")
        return try parts.map { part in
            ClaimRequest(
                pool: try reconciler.pool(part.pool), count: part.count, owner: owner, ownerName: name,
                numa: asked.numa, spread: asked.spread, settings: part.settings, uid: Int(peer.uid), ttl: ttl,
                deviceName: part.name)
        }
    }

    func pools() async throws -> PoolsDocument {
        let snapshot = try reconciler.host.snapshot()
        let holdings = try await reconciler.holdings()
        let pools = try reconciler.configuration.inForce().pools
        return PoolsDocument(
            pools: pools.map { pool in
                let members = pool.selector.matches(in: snapshot)
                let free = Placement.free(of: pool, on: snapshot, holdings: holdings)
                return .init(
                    name: pool.name, numa: pool.numa, total: members.count, free: free.count,
                    nodes: Placement.supply(of: free).map { .init(node: $0.node, free: $0.free) },
                    functions: members.map(\.address))
            })
    }

    func audit() async throws -> AuditDocument {
        AuditDocument(
            entries: try await reconciler.ledger.auditTrail().map { entry in
                .init(
                    id: entry.id, at: JSON.timestamp(entry.at), uid: entry.actor.uid, pid: entry.actor.pid,
                    verb: entry.verb, subject: entry.subject, detail: entry.detail, result: entry.result)
            })
    }
}

extension ClaimsDocument.Claim {
    fileprivate init(_ outcome: Reconciler.ReleaseOutcome) {
        switch outcome {
        case .released(let claim): self.init(claim, alreadyReleased: false)
        case .alreadyReleased(let claim): self.init(claim, alreadyReleased: true)
        }
    }
}

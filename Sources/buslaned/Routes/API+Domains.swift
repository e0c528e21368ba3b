// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Hummingbird

extension API {
    /// Who asks, when they may change domains.
    private func domainManager(_ context: PeerContext, _ verb: String, _ domain: String) async throws -> PeerCredentials
    {
        let peer = try await context.peer()
        try await reconciler.permitted(verb, domain, to: peer) { caller throws(Refusal) in
            try caller.mustManageDomains(domain)
        }
        return peer
    }

    func addDomainRoutes(to router: Router<PeerContext>) {
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
    }
}

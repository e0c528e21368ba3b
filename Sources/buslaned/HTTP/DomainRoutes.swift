// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird

/// Domains and their devices.
struct DomainRoutes: RouteGroup {
    let permissions: Permissions
    let binder: DomainBinder
    let guests: RunningGuests
    let pictures: PictureReader
    let troubles: DomainTroubles

    /// - Throws: the ``Refusal`` of a caller that may not change domains.
    private func domainManager(
        _ context: PeerContext, _ verb: String, _ domain: String
    ) async throws -> PeerCredentials {
        let peer = try context.peer()
        try await permissions.mustManageDomains(peer, to: verb, domain)
        return peer
    }

    func add(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.inject)) { request, context in
            // Before anything of the request is read: an XML can be large.
            let peer = try context.peer()
            try await permissions.mustManageDomains(peer, to: "domain inject")
            let asked = try await request.decoded(as: InjectRequest.self)
            return try Response(json: DomainDocument(try await binder.inject(into: asked.xml, by: peer)))
        }
        router.post(RouterPath(Route.attach)) { request, context in
            let asked = try await request.decoded(as: DomainDevicesRequest.self)
            let peer = try await domainManager(context, "domain attach", asked.domain)
            return try Response(
                json: DomainDocument(try await guests.attach(asked.domain, asked.order, by: peer)))
        }
        router.post(RouterPath(Route.detach)) { request, context in
            let asked = try await request.decoded(as: DomainDevicesRequest.self)
            let peer = try await domainManager(context, "domain detach", asked.domain)
            return try Response(
                json: DomainDocument(try await guests.detach(asked.domain, asked.order, by: peer.actor)))
        }
        router.post(RouterPath(Route.evict)) { request, context in
            let asked = try await request.decoded(as: EvictRequest.self)
            let peer = try await domainManager(context, "domain evict", asked.domain)
            let evicted = try await guests.evict(
                asked.domain, within: asked.patience, releasing: asked.release ?? false, by: peer.actor)
            return try Response(json: DomainDocument(evicted))
        }
        router.post(RouterPath(Route.readmit)) { request, context in
            let asked = try await request.decoded(as: DomainNameRequest.self)
            let peer = try await domainManager(context, "domain readmit", asked.domain)
            return try Response(json: DomainDocument(try await guests.readmit(asked.domain, by: peer)))
        }
        router.post(RouterPath(Route.start)) { request, context in
            let asked = try await request.decoded(as: DomainNameRequest.self)
            let peer = try await domainManager(context, "domain start", asked.domain)
            return try Response(json: DomainDocument(try await binder.start(asked.domain, by: peer)))
        }
        router.post(RouterPath(Route.sync)) { request, context in
            let asked = try await request.decoded(as: DomainNameRequest.self)
            let peer = try await domainManager(context, "domain sync", asked.domain)
            return try Response(
                json: DomainSyncDocument(
                    name: asked.domain, changes: try await binder.sync(asked.domain, by: peer.actor)))
        }
        router.post(RouterPath(Route.show)) { request, _ in
            let asked = try await request.decoded(as: DomainNameRequest.self)
            let overview = try await pictures.overview(of: asked.domain)
            return try Response(json: DomainReport(overview, lastTrouble: troubles[overview.uuid]))
        }
    }
}

extension DomainDevicesRequest {
    fileprivate var order: RunningGuests.Order {
        .init(scope: scope, devices: devices, wait: patience)
    }
}

extension DomainDocument {
    fileprivate init(_ edited: EditedDomain) {
        self.init(
            name: edited.name, uuid: edited.uuid,
            devices: edited.devices.map { .init(name: $0.name, address: $0.address) }, xml: edited.text,
            scope: edited.scope)
    }
}

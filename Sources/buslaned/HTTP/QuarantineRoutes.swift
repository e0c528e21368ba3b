// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird

/// Functions in quarantine.
struct QuarantineRoutes: RouteGroup {
    let permissions: Permissions
    let quarantine: Quarantine

    func add(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.recover)) { request, context in
            let asked = try await request.decoded(as: RecoverRequest.self)
            let peer = try context.peer()
            try await permissions.mustBeRoot(peer, to: "recover", asked.address.description)
            try await quarantine.recover(asked.address, by: peer.actor)
            return try Response(json: asked)
        }
    }
}

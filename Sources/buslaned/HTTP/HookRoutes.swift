// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import Hummingbird
import Wire

/// Calls of libvirt's hook. The handlers must not wait for libvirt, because libvirt waits for the hook.
struct HookRoutes: RouteGroup {
    let permissions: Permissions
    let spool: HookSpool
    let calls: HookCalls
    let problems: HostProblems

    func add(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.hooks)) { request, context in
            // Before anything of the request is read: an XML can be large.
            let peer = try context.peer()
            try await permissions.mustBeRoot(peer, to: "hook", "domains")
            let call = try await request.decoded(as: HookRequest.self)
            let domain = try Domain(parsing: call.xml)
            // First the spool: it can have the domain's last stop. libvirt calls the hooks of one domain in order.
            await spool.takeIn()
            try await calls.handle(call, about: domain, by: peer.actor)
            return try Response(json: HealthDocument(problems))
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HTTPTypes
import HostModel
import Hummingbird
import Ledger

extension API {
    /// Nothing behind this route may wait for libvirt: libvirt waits for it.
    func addHookRoute(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.hooks)) { request, context in
            // A hook of a later version may tell more.
            let call = try await body(HookRequest.self, of: request, strictly: false)
            let domain = try Domain(parsing: call.xml)
            let actor = try await root(context, "hook \(call.operation)", domain.name)
            // Its last stop may lie there: libvirt calls one domain's hooks one after the other.
            await spool.takeIn(by: reconciler)
            try await reconciler.hook(call, about: domain, by: actor)
            return try Response(json: health)
        }
    }
}

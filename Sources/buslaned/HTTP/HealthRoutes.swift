// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird

/// Whether the daemon serves, and what is not as it should be.
struct HealthRoutes: RouteGroup {
    let problems: HostProblems

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.health)) { _, _ in try Response(json: HealthDocument(problems)) }
    }
}

extension HealthDocument {
    init(_ problems: HostProblems) { self.init(version: Version.current, problems: problems.lines) }
}

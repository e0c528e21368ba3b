// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird

/// The daemon's version, and the problems of the host.
struct HealthRoutes: RouteGroup {
    let problems: HostProblems

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.health)) { _, _ in try Response(json: HealthDocument(problems)) }
    }
}

extension HealthDocument {
    init(_ problems: HostProblems) { self.init(version: Version.current, problems: problems.lines) }
}

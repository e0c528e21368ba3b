// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird

/// The daemon's version, the problems of the host, and what the daemon's records add to a diagnosis.
struct HealthRoutes: RouteGroup {
    let problems: HostProblems
    let cards: CardFindings

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.health)) { _, _ in try Response(json: HealthDocument(problems)) }
        router.get(RouterPath(Route.findings)) { _, _ in
            try Response(json: FindingsDocument(try await cards.findings()))
        }
    }
}

extension HealthDocument {
    init(_ problems: HostProblems) { self.init(version: Version.current, problems: problems.lines) }
}

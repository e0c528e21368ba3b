// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Libvirt
import ServiceLifecycle
import SystemServices

/// Releases the claims of owners that are gone: processes that ended, units that stopped, and domains that are neither
/// defined nor running.
struct OwnerService: Service {
    let owners: OwnerWatch
    let cards: CardState
    let libvirt: LibvirtConnection
    let processes: Processes
    /// How long a domain or a unit can be gone before its claims are released, in seconds.
    let grace: Int

    func run() async {
        let pause = Duration.seconds(min(10, max(1, grace / 3)))
        try? await cancelWhenGracefulShutdown {
            var absences = Absences(grace: grace)
            while true {
                try await Task.sleep(for: pause)
                // Release nothing before the start is complete.
                guard cards.hasRestored else { continue }
                try? await owners.releaseVanished(&absences, presence: presence)
            }
        }
    }

    private func presence(of owner: Owner) async -> Presence {
        switch owner {
        case .name: return .there
        case .process(let pid, let startTime): return processes.startTime(of: pid) == startTime ? .there : .gone
        case .unit(let name):
            guard let state = await SystemdUnits.state(of: name) else { return .unknown }
            return state == "inactive" || state == "failed" ? .gone : .there
        case .domain(let uuid):
            do {
                _ = try await libvirt.domain(uuid: uuid)
                return .there
            } catch LibvirtError.noSuchDomain {
                return .gone
            } catch {
                return .unknown
            }
        }
    }
}

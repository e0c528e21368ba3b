// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Ledger

extension RunningGuests {
    /// What the domain asks for, what it has, and what it could do.
    func report(on name: String) async throws -> DomainReport {
        let picture = try await picture(of: name)
        let host = try reconciler.host.lastSeen()
        let drivers = host.functions.reduce(into: [PCIAddress: String]()) {
            $0[$1.address] = $1.driver
        }
        let refusal = domains.troubles[picture.uuid].map { standing in
            DomainReport.Refusal(
                at: standing.since, message: standing.trouble.message, remedy: standing.trouble.remedy,
                tries: standing.tries)
        }
        return picture.report(drivers: drivers, nodes: host.numaNodes, lastRefusal: refusal)
    }
}

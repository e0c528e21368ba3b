// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Ledger

extension LiveDomains {
    /// What the domain asks for, what it has, and what it could do.
    func report(on name: String) async throws -> DomainReport {
        let picture = try await picture(of: name)
        let drivers = try reconciler.host.lastSeen().functions.reduce(into: [PCIAddress: String]()) {
            $0[$1.address] = $1.driver
        }
        var refusal: DomainReport.Refusal?
        if let trouble = domains.troubles[picture.uuid] {
            let told = try await ledger.events().last { $0.subject == name && $0.detail == trouble.message }
            refusal = .init(at: told?.at, message: trouble.message, remedy: trouble.remedy)
        }
        return picture.report(drivers: drivers, lastRefusal: refusal)
    }
}

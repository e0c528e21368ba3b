// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel

/// A persistent domain that is brought to what its request asks for.
struct DomainBinding {
    let domain: Domain
    /// As the domain has it.
    let asked: DomainRequest?
    let held: [Claim]
    let isActive: Bool

    /// The request as far as it is about the persistent XML: a domain that claims at each start has none of its devices
    /// there.
    var request: DomainRequest? { asked?.binding == .running ? nil : asked }

    var plan: BindingPlan {
        let ofOneRun = asked?.binding == .running ? Set((asked?.devices ?? []).map(\.name)) : []
        return BindingPlan(
            request: request, injected: domain.injected, record: domain.recorded, claims: held,
            keeping: isActive ? ofOneRun : [], ending: isActive ? [] : ofOneRun)
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// What becomes of the claims whose devices ask for something else now.
package struct ClaimChanges {
    /// What becomes of one.
    package enum Fate {
        /// A guest has it: the change waits until the guest has stopped.
        case waiting
        /// Its functions stay, with what the request asks for now.
        case kept(ClaimRequest)
        /// Another claim takes its place.
        case replaced
    }

    package struct Kept {
        package let claim: String
        package let device: String
        package let request: ClaimRequest
        /// It becomes a claim of another pool, or of another node.
        package let isMoved: Bool
    }

    /// Those that keep their functions.
    package private(set) var kept: [Kept] = []
    /// Claims that others take the place of, by id.
    package private(set) var replaced: Set<String> = []
    /// Devices that the others are for.
    package private(set) var replacing: [DomainRequest.Device] = []
    /// Devices whose change waits for the guest's stop.
    package private(set) var waiting: Set<String> = []

    /// - Parameter fates: of the plan's changes; a change without one leaves its claim unchanged.
    package init(of plan: BindingPlan, _ fates: [BindingPlan.Change: Fate]) {
        for (change, isMoved) in plan.changed.map({ ($0, false) }) + plan.replaced.map({ ($0, true) }) {
            switch fates[change] {
            case nil: break
            case .waiting?: waiting.insert(change.device.name)
            case .replaced?: replaced.insert(change.claim.id)
            case .kept(let request)?:
                kept.append(
                    Kept(claim: change.claim.id, device: change.device.name, request: request, isMoved: isMoved))
            }
        }
        // A claim of several devices is replaced as a whole.
        let gone = replaced
        kept.removeAll { gone.contains($0.claim) }
        let going = plan.replaced.map(\.claim).filter { gone.contains($0.id) }
        replacing = plan.wanted.filter { device in going.contains { $0.has(device: device.name) } }
    }
}

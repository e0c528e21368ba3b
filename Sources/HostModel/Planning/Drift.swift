// SPDX-License-Identifier: GPL-3.0-or-later

/// A difference between the host and how it was made, by whoever made it.
public struct Drift: Hashable, Sendable {
    /// The PF that is not as it was applied, or the function that is not as its claim has it.
    public let subject: PCIAddress
    /// The PF that it is about: the subject itself when that is no VF.
    public let card: PCIAddress
    /// The claim that it is taken from; nil for what was declared.
    public let claim: String?
    /// What puts it right.
    public let changes: [Change]
    /// Why it cannot be put right now: something is in use, or gone.
    public let obstacle: Refusal?

    public init(
        subject: PCIAddress, card: PCIAddress? = nil, claim: String? = nil, changes: [Change] = [],
        obstacle: Refusal? = nil
    ) {
        self.subject = subject
        self.card = card ?? subject
        self.claim = claim
        self.changes = changes
        self.obstacle = obstacle
    }
}

extension Drift: CustomStringConvertible {
    /// `4 VFs, autoprobe off → 2 VFs, autoprobe off`: how it is, and how it was made.
    public var description: String {
        guard !changes.isEmpty else { return obstacle?.message ?? "nothing" }
        return changes.map { change in
            (change.to.subject == subject ? "" : "\(change.to.subject) ") + "\(change.from) → \(change.to)"
        }.joined(separator: "; ")
    }
}

extension Planner {
    /// What is not any more as it was applied, and not any more as claims have it.
    ///
    /// PFs come first: what their VFs need can be told when the VFs are there.
    ///
    /// - Parameters:
    ///   - declared: by PF, how it was made.
    ///   - claims: those that stand; one whose guest is starting is better left out.
    public static func drift(
        from declared: [PCIAddress: PFDeclaration], _ claims: [Claim], on host: HostSnapshot, holdings: Holdings
    ) -> [Drift] {
        var found: [Drift] = []
        for (address, declaration) in declared.sorted(by: { $0.key < $1.key }) {
            if let drift = drift(of: address, from: declaration, on: host, holdings) { found.append(drift) }
        }
        let cards = Set(found.map(\.subject))
        for claim in claims {
            for assignment in claim.assignments
            where !cards.contains(assignment.virtualFunction?.physicalFunction ?? assignment.address) {
                if let drift = drift(of: assignment, claim, on: host, holdings) { found.append(drift) }
            }
        }
        return found
    }

    private static func drift(
        of address: PCIAddress, from declaration: PFDeclaration, on host: HostSnapshot, _ holdings: Holdings
    ) -> Drift? {
        guard let function = host[address] else {
            return Drift(subject: address, obstacle: .function(address, .unknown))
        }
        do {
            let plan = try plan(for: declaration, of: function, on: host, holdings: holdings)
            if plan.isEmpty { return nil }
            let interface = plan.blastRadius.interfaces.first
            return Drift(
                subject: address, changes: plan.perPF.flatMap(\.changes),
                obstacle: interface.map { .function(address, .usedByHost(interface: $0)) })
        } catch {
            return Drift(subject: address, obstacle: error)
        }
    }

    private static func drift(
        of assignment: Assignment, _ claim: Claim, on host: HostSnapshot, _ holdings: Holdings
    ) -> Drift? {
        let address = assignment.address
        let card = assignment.virtualFunction?.physicalFunction
        do {
            let changes = try ready(assignment, on: host)
            if changes.isEmpty { return nil }
            let holder = host[address]?.iommuGroup.flatMap { holdings.openGroups[$0] }
            return Drift(
                subject: address, card: card, claim: claim.id, changes: changes,
                obstacle: holder.map { .function(address, .heldByProcess($0)) })
        } catch {
            return Drift(subject: address, card: card, claim: claim.id, obstacle: error)
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

/// A difference between the host and the state that was applied or claimed.
public struct Drift: Hashable, Sendable {
    /// The PF that differs from its applied declaration, or the function that differs from its claim.
    public let subject: PCIAddress
    /// The subject's PF; the subject itself if it is not a VF.
    public let card: PCIAddress
    /// The claim of the function; nil for a PF's declaration.
    public let claim: String?
    /// The changes that repair it.
    public let changes: [Change]
    /// Why it cannot be repaired now: something is in use, or missing.
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
    /// The present state and the one to restore: `4 VFs, autoprobe off → 2 VFs, autoprobe off`.
    public var description: String {
        guard !changes.isEmpty else { return obstacle?.message ?? "nothing" }
        return changes.map { change in
            (change.to.subject == subject ? "" : "\(change.to.subject) ") + "\(change.from) → \(change.to)"
        }.joined(separator: "; ")
    }
}

extension Drift {
    /// All differences from the applied declarations and from the claims.
    ///
    /// PFs come first. The VFs of a PF that differs are not examined: they may have to be created again.
    ///
    /// - Parameters:
    ///   - declared: by PF, the declaration that was last applied.
    ///   - claims: the live claims, without those whose guest is starting.
    public static func all(
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
            let plan = try Planner.plan(for: declaration, of: function, on: host, holdings: holdings)
            if plan.isEmpty { return nil }
            return Drift(
                subject: address, changes: plan.perPF.flatMap(\.changes),
                obstacle: plan.blastRadius.hostUse(on: address))
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
            let changes = try ClaimPlanner.ready(assignment, on: host)
            if changes.isEmpty { return nil }
            return Drift(
                subject: address, card: card, claim: claim.id, changes: changes,
                obstacle: user(of: address, claim, on: host, holdings))
        } catch {
            return Drift(subject: address, card: card, claim: claim.id, obstacle: error)
        }
    }

    /// Why a claimed function is not repaired: somebody uses it, its owner or another. nil if nobody does.
    private static func user(
        of address: PCIAddress, _ claim: Claim, on host: HostSnapshot, _ holdings: Holdings
    ) -> Refusal? {
        guard let function = host[address] else { return nil }
        if let group = function.iommuGroup, let holder = holdings.openGroups[group] {
            return .function(address, .heldByProcess(holder))
        }
        if let domain = holdings.foreign[address], domain.isRunning {
            return .function(address, .heldByGuest(domain: domain.name))
        }
        // A guest can have its function closed for a while, as in a failover pair.
        if case .domain(let uuid) = claim.owner, holdings.running.contains(uuid) {
            return .function(address, .heldByGuest(domain: claim.ownerName))
        }
        return holdings.hostUse(of: function)
    }

    /// The drift, not repairable while a domain that names one of its functions may be starting.
    ///
    /// libvirt reports a start only when it is complete, and sets MAC and VLAN of a VF before it runs QEMU.
    public func deferred(for domains: [PCIAddress: Holdings.DomainReference], on host: HostSnapshot) -> Drift {
        guard obstacle == nil else { return self }
        var touched = [subject]
        for change in changes {
            touched.append(change.to.suspect(on: host))
            if change.makesVFs { touched += host[change.to.subject]?.sriov?.virtualFunctions ?? [] }
        }
        guard let address = touched.first(where: { domains[$0] != nil }), let domain = domains[address] else {
            return self
        }
        return Drift(
            subject: subject, card: card, claim: claim, changes: changes,
            obstacle: .function(address, .mayBeStarting(domain: domain.name)))
    }
}

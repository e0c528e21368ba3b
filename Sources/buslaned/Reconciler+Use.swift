// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// From a guest's yes to its stop: when a claim is in use.
extension Reconciler {
    /// Before a guest gets their functions: the claims are in use from here on, each in a new generation, and ready. Of a
    /// release at the same time, either this or that one is refused.
    ///
    /// - Parameter running: claims that stay in use when this fails: the guest runs with other functions of theirs.
    /// - Returns: the claims as they are then.
    /// - Throws: a ``Refusal``, or what a step failed with; the other claims are not in use then.
    @discardableResult
    func takeIntoUse(_ claims: [Claim], besides running: [Claim] = []) async throws -> [Claim] {
        if claims.isEmpty { return [] }
        try await refuseQuarantined(claims.flatMap(\.assignments).map(\.address))
        // One claim may have several of the guest's devices.
        let ids = Set(claims.map(\.id)).sorted()
        let used = try await ledger.beginUse(ofClaims: ids, bootID: bootID, sinceBoot: sinceBoot())
        do {
            for claim in used { try await ready(claim, purpose: .prepare) }
        } catch {
            for claim in used where !running.contains(where: { $0.id == claim.id }) { try await endUse(of: claim) }
            throw error
        }
        return used
    }

    /// A claim may stand and its function's state be in doubt all the same: two owners in one group since a reboot.
    func refuseQuarantined(_ addresses: [PCIAddress]) async throws {
        if addresses.isEmpty { return }
        let quarantine = try await ledger.quarantine()
        for address in addresses {
            if let reason = quarantine[address] { throw Refusal.quarantined(address, reason: reason) }
        }
    }

    /// Whether a guest may be on its way to open the claim's functions.
    func isStarting(_ claim: Claim) -> Bool {
        claim.use?.isStarting(bootID: bootID, sinceBoot: sinceBoot()) == true
    }

    /// A function of the claim that a process has open, by the group it is in now; nil when none is.
    func use(of claim: Claim, among openGroups: [Int: ProcessHolder]) throws -> (PCIAddress, ProcessHolder)? {
        if openGroups.isEmpty { return nil }
        for assignment in claim.assignments {
            guard let group = try host.function(at: assignment.address, with: [])?.iommuGroup,
                let holder = openGroups[group]
            else { continue }
            return (assignment.address, holder)
        }
        return nil
    }

    /// - Returns: the claim as it is then; nil when it is another guest's by now, or ended.
    @discardableResult
    func endUse(of claim: Claim) async throws -> Claim? {
        if claim.state == .inUse {
            guard
                try await ledger.setState(.bound, ofClaim: claim.id, from: [.inUse], generation: claim.generation)
            else { return nil }
        }
        let now = try await ledger.claim(claim.id)
        return now?.state == .bound && now?.generation == claim.generation ? now : nil
    }

    /// Uses that no guest is left of: it ended with the host, or while nobody listened.
    ///
    /// Of a guest that runs, as libvirt told last, nothing is over because nothing is open: the VF of a failover pair is
    /// opened when the guest's driver asks for it, and not before. So nothing of this boot that a domain has is over
    /// before libvirt told which of them run.
    func settleUses() async throws {
        let claims = try await ledger.claims().filter { $0.state == .inUse }
        let openGroups = claims.isEmpty ? [:] : try host.openGroups()
        let running = seenDomains.running
        for claim in claims {
            let isOver = claim.use?.bootID != bootID
            if !isOver, case .domain(let uuid) = claim.owner, running?.contains(uuid) != false { continue }
            guard try isOver || (use(of: claim, among: openGroups) == nil && !isStarting(claim)) else { continue }
            try await endUse(of: claim)
            logger.notice("no guest has it any more", metadata: ["claim": "\(claim.id)"])
        }
    }
}

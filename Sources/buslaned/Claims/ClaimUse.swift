// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Records which claims guests use. A use begins when the hook approves a start, and ends when the guest has stopped.
struct ClaimUse: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let guests: SeenDomains
    let readiness: ClaimReadiness
    let logger: Logger

    /// Begins a use: each claim gets a new generation and is made ready. If a release runs at the same time, one of the
    /// two is refused.
    ///
    /// - Parameter running: claims that stay in use when this fails, because the guest runs with other functions of
    ///   theirs.
    /// - Returns: the claims as they are then.
    /// - Throws: a ``Refusal``, or the failure of a step. The other claims are not in use then.
    @discardableResult
    func begin(_ claims: [Claim], besides running: [Claim] = []) async throws -> [Claim] {
        if claims.isEmpty { return [] }
        try await refuseQuarantined(claims.flatMap(\.assignments).map(\.address), of: claims)
        // One claim may have several of the guest's devices.
        let ids = Set(claims.map(\.id)).sorted()
        let used = try await ledger.transitions.beginUse(ofClaims: ids, bootID: boot.id, sinceBoot: boot.now)
        do {
            for claim in used { try await readiness.ready(claim, purpose: .prepare) }
        } catch {
            for claim in used where !running.contains(where: { $0.id == claim.id }) { try await end(of: claim) }
            throw error
        }
        return used
    }

    /// Refuses functions in quarantine. A claim can stand while its function is in quarantine, for example when two
    /// owners share an IOMMU group since a reboot.
    ///
    /// - Parameter claims: the claims that may have the functions.
    func refuseQuarantined(_ addresses: [PCIAddress], of claims: [Claim]) async throws {
        if addresses.isEmpty { return }
        let quarantine = try await ledger.quarantine()
        for address in addresses {
            guard let reason = quarantine[address] else { continue }
            let claim = claims.first { claim in claim.assignments.contains { $0.address == address } }
            throw Refusal.function(
                address, .quarantined(reason: reason, claim: CardDoubt.isReason(reason) ? claim?.id : nil))
        }
        if let astray = claims.first(where: { claim in
            claim.assignments.contains { $0.isParked && addresses.contains($0.address) }
        }) {
            throw Refusal.claim(astray.id, .cardAway)
        }
    }

    /// Ends a use.
    ///
    /// - Returns: the claim after that; nil when another start uses it already, or it has ended.
    @discardableResult
    func end(of claim: Claim) async throws -> Claim? {
        if claim.state == .inUse {
            guard
                try await ledger.transitions.setState(
                    .bound, ofClaim: claim.id, from: [.inUse], generation: claim.generation)
            else { return nil }
        }
        let now = try await ledger.claim(claim.id)
        return now?.state == .bound && now?.generation == claim.generation ? now : nil
    }

    /// Ends the uses whose guest is gone: after a reboot, or when the stop was not reported.
    ///
    /// The use of a running guest continues even if no process has its group open: QEMU opens the VF of a failover pair
    /// only when the guest's driver requests it. So no use by a domain in this boot ends before libvirt has listed its
    /// domains.
    func endAbandoned() async throws {
        let claims = try await ledger.claims().filter { $0.state == .inUse }
        let openGroups = claims.isEmpty ? [:] : try host.openGroups()
        let running = guests.running
        for claim in claims {
            let isOver = claim.use?.bootID != boot.id
            if !isOver, case .domain(let uuid) = claim.owner, running?.contains(uuid) != false { continue }
            guard try isOver || (holder(of: claim, among: openGroups) == nil && !isStarting(claim)) else { continue }
            try await end(of: claim)
            logger.notice("use ended: no guest uses the claim any more", metadata: ["claim": "\(claim.id)"])
        }
    }

    // MARK: - Questions

    /// Whether a guest has the claim's functions open, or is starting.
    func isInUse(_ claim: Claim) throws -> Bool {
        try isStarting(claim) || holder(of: claim, among: host.openGroups()) != nil
    }

    /// Whether a guest may be about to open the claim's functions.
    func isStarting(_ claim: Claim) -> Bool {
        claim.use?.isStarting(bootID: boot.id, sinceBoot: boot.now) == true
    }

    /// A function of the claim that a process has open, by the IOMMU group that it is in now; nil when there is none.
    func holder(
        of claim: Claim, among openGroups: [Int: ProcessHolder]
    ) throws -> (address: PCIAddress, process: ProcessHolder)? {
        if openGroups.isEmpty { return nil }
        for assignment in claim.assignments {
            guard let group = try host.function(at: assignment.address, with: [])?.iommuGroup,
                let process = openGroups[group]
            else { continue }
            return (assignment.address, process)
        }
        return nil
    }
}

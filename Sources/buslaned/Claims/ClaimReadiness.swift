// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Makes a claim's functions ready: bound to VFIO, with the requested settings.
struct ClaimReadiness: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let comparer: CardComparer

    /// Makes the functions ready, or verifies that they are.
    ///
    /// - Throws: ``Refusal/unknownClaim(_:)`` when the claim was released or used by another start meanwhile, a refusal as
    ///   of a function in quarantine when another card is there, and ``Executor/Failure``.
    func ready(_ claim: Claim, purpose: Recovery.Purpose) async throws {
        let context = Intent.Context(bootID: boot.id, purpose: purpose, claim: claim.id)
        for assignment in claim.assignments {
            try await lanes.run(on: .card(assignment.physicalFunction)) {
                // Read again on the lane: a release may have come first.
                guard let now = try await ledger.claim(claim.id), now.assignments.contains(assignment),
                    now.state == claim.state, now.generation == claim.generation
                else { throw Refusal.claim(claim.id, .unknown) }
                let look = FreshLook(host: host)
                // The address may have got another card since the cards were last compared.
                let card = try host.freshCardIdentity(at: assignment.physicalFunction)
                if let doubt = assignment.doubt(about: look[assignment.address], on: card) {
                    try await comparer.settle()
                    throw Refusal.function(
                        assignment.address, .quarantined(reason: doubt.description, claim: claim.id))
                }
                let changes = try ClaimPlanner.ready(assignment, on: look)
                // Somebody may have given the function to the host since it was claimed.
                if changes.contains(where: \.rebinds), let function = look[assignment.address] {
                    try host.refuseIfUsed(function)
                }
                try await executor.run(changes, context: context)
            }
        }
    }
}

extension Change {
    fileprivate var rebinds: Bool { if case .binding = to { true } else { false } }
}

extension Assignment {
    /// The PF whose lane the work on a function uses: the function itself if it is not a VF.
    var physicalFunction: PCIAddress { virtualFunction?.physicalFunction ?? address }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Gives claims whose card is in doubt or away the functions that an operator names.
struct ClaimRebinding: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let pools: PoolDirectory
    let holdings: HoldingsReader
    let use: ClaimUse
    let readiness: ClaimReadiness
    let comparer: CardComparer
    let audit: AuditRecorder

    /// The function that the claim leaves is not changed: it is perhaps another card's.
    ///
    /// - Returns: the claim as it is then. Its functions are ready, unless they are VFs that do not exist yet.
    /// - Throws: a ``Refusal``, after which nothing is changed; or the failure of a step that makes a function ready. The
    ///   claim has the function then, and its next start makes it ready.
    func rebind(_ id: String, to target: Rebinding.Target, by actor: AuditEntry.Actor) async throws -> Claim {
        let entry = AuditEntry.Draft("rebind", subject: id, detail: target.description, actor: actor)
        return try await audit.recorded(entry) {
            let claim = try await idle(id)
            let moves = try await moves(of: claim, to: target)
            try await record(moves, of: claim, entry, confirming: target == .here)
            try await comparer.settle()
            guard let now = try await ledger.claim(id) else { throw Refusal.claim(id, .unknown) }
            guard moves.allSatisfy({ $0.function != nil }) else { return now }
            try await use.refuseQuarantined(now.assignments.map(\.address), of: [now])
            try await readiness.ready(now, purpose: .prepare)
            return now
        }
    }

    /// The claim, if no guest uses it.
    private func idle(_ id: String) async throws -> Claim {
        guard let claim = try await ledger.claim(id), claim.state != .released else {
            throw Refusal.claim(id, .unknown)
        }
        guard claim.state.isHeld else { throw Refusal.claim(id, .changing) }
        guard try claim.state == .bound && !use.isInUse(claim) else { throw Refusal.claim(id, .inUse) }
        return claim
    }

    private func moves(of claim: Claim, to target: Rebinding.Target) async throws -> [Rebinding.Move] {
        var suspects = Set(claim.assignments.map(\.address))
        if case .function(let address, _) = target { suspects = [address] }
        let held = try await holdings.holdings(for: .planning, opening: suspects)
        return try Rebinding(
            of: claim, to: target, pool: pools.pool(claim.pool), on: host.snapshot(), holdings: held
        ).moves
    }

    private func record(
        _ moves: [Rebinding.Move], of claim: Claim, _ entry: AuditEntry.Draft, confirming isConfirmed: Bool
    ) async throws {
        var cards: [PCIAddress: CardIdentity] = [:]
        for move in moves { cards[move.card] = try host.freshCardIdentity(at: move.card) }
        try await ledger.cards.rebind(
            claim, moves.map { ($0.assignment, $0.assigned(on: cards[$0.card])) },
            present: Set(moves.compactMap { $0.function?.address }), confirming: isConfirmed ? cards : [:],
            bootID: boot.id, audit: entry)
    }
}

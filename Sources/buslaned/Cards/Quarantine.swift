// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Lifts the quarantine of functions whose state was unknown.
struct Quarantine: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let lanes: Lanes
    let executor: Executor
    let comparer: CardComparer
    let holdings: HoldingsReader
    let drift: DriftCheck
    let audit: AuditRecorder

    /// Of a card in doubt, the caller says that it is the one that is meant: what is recorded for the address is about it
    /// from now on.
    ///
    /// Resets a function, verifies that its state is known, and frees it.
    ///
    /// - Throws: a ``Refusal`` while the function is in use, or the failure of a step. The function then stays in
    ///   quarantine.
    func recover(_ address: PCIAddress, by actor: AuditEntry.Actor) async throws {
        try await audit.audited("recover", subject: address.description, detail: "out of quarantine", by: actor) {
            guard let function = try host.function(at: address) else { throw Refusal.function(address, .unknown) }
            let pf = function.virtualFunction?.physicalFunction ?? address
            try await lanes.run(on: .card(pf)) {
                let snapshot = try host.snapshot()
                let held = try await holdings.holdings(for: .planning, opening: [address])
                guard let reason = held.quarantine[address] else { throw Refusal.function(address, .notQuarantined) }
                let changes = try ClaimPlanner.cleanse(
                    address, declared: try await ledger.declared()[pf],
                    // The administrator has bound it, and pools can select it by its driver.
                    keepsDriver: reason == UnknownOwner.beforeLedger.rawValue, on: snapshot, holdings: held)
                try await executor.run(changes, context: Intent.Context(bootID: boot.id, purpose: .apply))
                if CardDoubt.isReason(reason), let card = try host.freshCardIdentity(at: pf) {
                    try await ledger.cards.confirm(cardAt: pf, as: card)
                }
                if CardDoubt.isStranger(reason) { try await ledger.cards.acceptPlace(at: pf) }
                try await ledger.liftQuarantine(of: address, detail: "reset, verified, and free again")
            }
        }
        try await comparer.settle()
        // The reset may have removed what is declared of the PF.
        await drift.check()
    }
}

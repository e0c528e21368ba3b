// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// Takes a function out of quarantine: it is brought to a known state, and only then handed out again.
    ///
    /// - Throws: a ``Refusal`` while somebody has it, and what keeps it from the known state; it then stays set aside.
    func recover(_ address: PCIAddress, by actor: AuditEntry.Actor) async throws {
        try await audited("recover", subject: address.description, detail: "out of quarantine", by: actor) {
            guard let function = try host.function(at: address) else { throw Refusal.unknownFunction(address) }
            let card = function.virtualFunction?.physicalFunction ?? address
            try await lanes.run(on: .card(card)) {
                let snapshot = try host.snapshot()
                let holdings = try await holdings()
                guard holdings.quarantine[address] != nil else { throw Refusal.notQuarantined(address) }
                let changes = try Planner.cleanse(
                    address, declared: try await ledger.declared()[card], on: snapshot, holdings: holdings)
                try await executor.run(changes, context: Intent.Context(bootID: bootID, purpose: .apply))
                try await ledger.liftQuarantine(of: address, detail: "reset, verified, and free again")
            }
        }
        // What its card is declared to be like, it now is to be like again.
        await checkForDrift()
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Keeps the ledger's rows with the cards that they are about. Addresses change when cards are added or removed.
struct CardComparer: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let logger: Logger

    /// Compares the recorded cards with those that are there, and settles the differences in the ledger.
    ///
    /// Runs before anything is done by address in a new boot, and again when the drivers and VFs of declared PFs are
    /// there: then MAC addresses and the VFs' own addresses are known.
    func settle() async throws {
        let recorded = try await ledger.cards.recorded(bootID: boot.id)
        let snapshot = try host.snapshot()
        let seen = try host.freshCardIdentities(on: snapshot)
        let last = try await ledger.cards.lastLook()
        let comparison = CardComparison(recorded, seen: seen, since: last, on: snapshot)
        let found = comparison.settlement
        let look = last.followed(by: comparison.seen, bootID: boot.id).keepingFormers(of: found.strangers)
        let settlement = try await ledger.cards.settle(found, look, bootID: boot.id)
        for correction in settlement.corrections where correction.isMove {
            logger.notice(
                "card has another address",
                metadata: ["was": "\(correction.card.address.shown)", "is": "\(correction.address.shown)"])
        }
        for (address, doubt) in settlement.doubts.sorted(by: { $0.key < $1.key }) {
            logger.error("function in quarantine", metadata: ["function": "\(address)", "reason": "\(doubt)"])
        }
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// Records how PFs were found. Only the first record of a PF is kept: later ones would describe Buslane's own work.
    ///
    /// - Parameter cards: what the PFs are.
    public func recordOriginals(
        _ originals: [PCIAddress: PFOriginal], cards: [PCIAddress: CardIdentity] = [:]
    ) async throws {
        if originals.isEmpty { return }
        try await commits.run { db in
            for (address, original) in originals { try db.originals.add(original, of: address, card: cards[address]) }
        }
    }

    /// Forgets how a PF was found, after its original state was restored.
    public func forgetOriginal(of physicalFunction: PCIAddress) async throws {
        try await commits.run { try $0.originals.remove(of: physicalFunction) }
    }
}

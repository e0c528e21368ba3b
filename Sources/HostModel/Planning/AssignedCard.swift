// SPDX-License-Identifier: GPL-3.0-or-later

extension Assignment {
    /// Why another card than the recorded one is there; nil if nothing contradicts.
    ///
    /// - Parameter card: what its PF, or the function itself if it is not a VF, is now; nil if that is not known.
    public func doubt(on card: CardIdentity?) -> CardDoubt? {
        guard let recorded = self.card, let card, recorded.agreement(with: card) == .differs else { return nil }
        return CardDoubt(reason: "recorded is \(recorded); here is \(card)")
    }
}

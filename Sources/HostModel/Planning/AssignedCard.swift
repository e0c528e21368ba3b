// SPDX-License-Identifier: GPL-3.0-or-later

extension Assignment {
    /// Why what is at its address is certainly not the assigned function; nil if nothing contradicts.
    ///
    /// - Parameters:
    ///   - function: what has the address now; nil if nothing has.
    ///   - card: what its PF, or the function itself if it is not a VF, is now; nil if that is not known.
    public func doubt(about function: Function?, on card: CardIdentity?) -> CardDoubt? {
        function.flatMap(doubt(about:)) ?? doubt(on: card)
    }

    /// Why the function at its address is another one than the assigned; nil if nothing contradicts.
    ///
    /// VFs of another card can take the addresses of one that is away.
    public func doubt(about function: Function) -> CardDoubt? {
        guard !function.isUnplaced, function.virtualFunction != virtualFunction else { return nil }
        return CardDoubt(
            reason: "recorded is \(Self.place(virtualFunction)); here is \(Self.place(function.virtualFunction))")
    }

    private static func place(_ virtual: VirtualFunction?) -> String {
        virtual.map { "VF \($0.index) of \($0.physicalFunction)" } ?? "a function that is no VF"
    }

    /// Why another card than the recorded one is there; nil if nothing contradicts.
    ///
    /// - Parameter card: what its PF, or the function itself if it is not a VF, is now; nil if that is not known.
    public func doubt(on card: CardIdentity?) -> CardDoubt? {
        guard let recorded = self.card, let card, recorded.agreement(with: card) == .differs else { return nil }
        return CardDoubt(reason: "recorded is \(recorded); here is \(card)")
    }
}

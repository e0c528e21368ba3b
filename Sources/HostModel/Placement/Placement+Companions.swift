// SPDX-License-Identifier: GPL-3.0-or-later

extension HostSnapshot {
    /// The other functions of the same card that the IOMMU cannot tell apart from this one: a graphics card's sound, the
    /// second port of a network card. Whoever gets one gets all.
    ///
    /// A VF has none: what else is in its group is no part of it.
    public func companions(of function: Function) -> [Function] {
        guard function.virtualFunction == nil, let group = function.iommuGroup.flatMap({ self.group($0) }) else {
            return []
        }
        return group.functions.compactMap { address in
            guard address != function.address, address.isOnSameDevice(as: function.address), let other = self[address],
                other.virtualFunction == nil, !other.isBridge
            else { return nil }
            return other
        }
    }
}

extension Placement {
    /// A function that a claim gets.
    public struct Placed: Hashable, Sendable {
        public let function: Function
        /// The function that the claim is about, for one that comes with it.
        public let companionOf: PCIAddress?

        public init(function: Function, companionOf: PCIAddress? = nil) {
            self.function = function
            self.companionOf = companionOf
        }
    }

    /// What ``choose(together:on:holdings:)`` chooses, with what has to come with it.
    ///
    /// - Returns: by request; companions come right after the function that they accompany.
    public static func place(
        _ requests: [ClaimRequest], on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [[Placed]] {
        let chosen = try choose(together: requests, on: host, holdings: holdings)
        // What its owner has already, or gets by its own name, comes with nobody.
        var taken = Set(chosen.flatMap(\.self).map(\.address))
        return chosen.map { functions in
            functions.flatMap { function in
                let companions = host.companions(of: function).filter {
                    holdings.claims[$0.address] == nil && taken.insert($0.address).inserted
                }
                return [Placed(function: function)]
                    + companions.map { Placed(function: $0, companionOf: function.address) }
            }
        }
    }
}

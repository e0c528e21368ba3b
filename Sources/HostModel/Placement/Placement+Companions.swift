// SPDX-License-Identifier: GPL-3.0-or-later

extension HostSnapshot {
    /// The other functions of the same device that share this one's IOMMU group: the sound of a graphics card, the second
    /// port of a network card. A claim that gets one gets all of them.
    ///
    /// A VF has none: other functions in its group do not belong to it.
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
    /// A function that was chosen for a claim.
    public struct Placed: Hashable, Sendable {
        public let function: Function
        /// For a companion, the function that it accompanies; nil for a function that was asked for.
        public let companionOf: PCIAddress?

        public init(function: Function, companionOf: PCIAddress? = nil) {
            self.function = function
            self.companionOf = companionOf
        }
    }

    /// The functions of ``choose(together:on:holdings:)`` with their companions.
    ///
    /// - Returns: by request. Companions follow the function that they accompany.
    public static func place(
        _ requests: [ClaimRequest], on host: HostSnapshot, holdings: Holdings
    ) throws(Refusal) -> [[Placed]] {
        let chosen = try choose(together: requests, on: host, holdings: holdings)
        // A function that the owner has already, or that was chosen by itself, is not a companion.
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

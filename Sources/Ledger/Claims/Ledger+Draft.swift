// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension Ledger {
    /// A claim that is about to be written: everything except what the ledger itself adds.
    public struct Draft: Sendable {
        public let request: ClaimRequest
        public let slots: [Slot]
        /// Nothing is left to do on the host: the claim is `bound` from the beginning.
        public let isReady: Bool

        /// A function, and its settings in the claim.
        public struct Slot: Sendable {
            /// As it was found: the claim's end restores this state.
            public let function: Function
            public let settings: VFSettings
            /// The device's name in its owner's domain; nil for a name made from the claim's id.
            public let name: String?
            /// Another function of the draft that this one accompanies; nil for a function that was asked for.
            public let companionOf: PCIAddress?

            public init(
                function: Function, settings: VFSettings, name: String? = nil, companionOf: PCIAddress? = nil
            ) {
                self.function = function
                self.settings = settings
                self.name = name
                self.companionOf = companionOf
            }
        }

        public init(request: ClaimRequest, slots: [Slot], isReady: Bool = false) {
            self.request = request
            self.slots = slots
            self.isReady = isReady
        }
    }
}

extension Ledger.Draft {
    /// - Throws: ``Refusal/noIOMMU`` for a function that has no IOMMU group.
    func assignments(inClaim id: String) throws -> [Assignment] {
        let names = names(inClaim: id)
        return try zip(slots, names).map { slot, name in
            let function = slot.function
            guard let group = function.iommuGroup else { throw Refusal.noIOMMU }
            return Assignment(
                name: name, address: function.address, virtualFunction: function.virtualFunction,
                iommuGroup: group, numaNode: function.numaNode, isNetwork: function.isNetwork,
                settings: slot.settings,
                original: OriginalState(
                    driver: function.driver, driverOverride: function.driverOverride, settings: function.vfSettings),
                companionOf: slot.companionOf.flatMap { first in
                    zip(slots, names).first { $0.0.function.address == first }?.1
                })
        }
    }

    /// The devices' names in their owner's domain, in the order of the slots.
    ///
    /// A device without a name of its own is named after the claim. A companion is named after the device that it
    /// accompanies, and its name is no longer than an alias may be.
    private func names(inClaim id: String) -> [String] {
        let wanted = slots.filter { $0.companionOf == nil }
        var names: [PCIAddress: String] = [:]
        for (position, slot) in wanted.enumerated() {
            names[slot.function.address] =
                slot.name ?? request.deviceName ?? (wanted.count == 1 ? id : "\(id)-\(position)")
        }
        return slots.map { slot in
            let address = slot.function.address
            guard let companionOf = slot.companionOf else { return names[address] ?? id }
            return slot.name ?? "\((names[companionOf] ?? id).prefix(36))-f\(address.function)"
        }
    }
}

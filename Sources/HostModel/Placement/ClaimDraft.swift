// SPDX-License-Identifier: GPL-3.0-or-later

/// A claim that placement has decided on: everything except its id, its state and its time.
public struct ClaimDraft: Sendable {
    public let request: ClaimRequest
    public let slots: [Slot]
    /// Nothing is left to do on the host: the claim is `bound` from the beginning.
    public let isReady: Bool

    /// A function, and its settings in the claim.
    public struct Slot: Sendable {
        /// As it was found: the claim's end restores this state.
        public let function: Function
        public let settings: VFSettings
        /// The node that the function is near; nil if that is not known.
        public let numaNode: Int?
        /// The device's name in its owner's domain; nil for a name made from the claim's id.
        public let name: String?
        /// Another function of the draft that this one accompanies; nil for a function that was asked for.
        public let companionOf: PCIAddress?
        /// What its PF is, or the function itself if it is not a VF; nil if that is not known.
        public let card: CardIdentity?

        public init(
            function: Function, settings: VFSettings, numaNode: Int?, name: String? = nil,
            companionOf: PCIAddress? = nil,
            card: CardIdentity? = nil
        ) {
            self.card = card
            self.function = function
            self.settings = settings
            self.numaNode = numaNode
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

extension ClaimDraft {
    /// The claim's functions as they are stored.
    ///
    /// - Parameters:
    ///   - id: the new claim's.
    ///   - records: the live claims that it must not collide with.
    /// - Throws: ``Refusal/noIOMMU`` for a function without an IOMMU group, ``Refusal/deviceNameTaken(_:owner:claim:)``,
    ///   ``Refusal/macInUse(_:physicalFunction:claim:owner:)``.
    public func assignments(inClaim id: String, beside records: some ClaimRecords) throws -> [Assignment] {
        let assignments = try assignments(inClaim: id)
        var names: Set<String> = []
        for assignment in assignments {
            if !names.insert(assignment.name).inserted {
                throw Refusal.request(.deviceNameTaken(assignment.name, owner: request.ownerName, claim: id))
            }
            try refuseCollision(of: assignment, with: records)
        }
        return assignments
    }

    private func refuseCollision(of assignment: Assignment, with records: some ClaimRecords) throws {
        if let claim = try records.claim(ofDevice: assignment.name, ownedBy: request.owner) {
            throw Refusal.request(.deviceNameTaken(assignment.name, owner: request.ownerName, claim: claim))
        }
        // A PF cannot tell which of two VFs a frame is for when both have one address.
        if let mac = assignment.settings.mac, let physical = assignment.virtualFunction?.physicalFunction,
            let other = try records.claims(ofMAC: mac, on: physical).first(where: { $0.owner != request.owner })
        {
            throw Refusal.request(.macInUse(mac, physicalFunction: physical, claim: other.id, owner: other.ownerName))
        }
    }

    private func assignments(inClaim id: String) throws(Refusal) -> [Assignment] {
        let names = names(inClaim: id)
        var assignments: [Assignment] = []
        for (slot, name) in zip(slots, names) {
            let function = slot.function
            guard let group = function.iommuGroup else { throw .noIOMMU }
            assignments.append(
                Assignment(
                    name: name, address: function.address, virtualFunction: function.virtualFunction,
                    iommuGroup: group, numaNode: slot.numaNode,
                    // libvirt would set a MAC address through a PF that sets none, and not start the domain.
                    isNetwork: function.isEthernet
                        && (function.virtualFunction == nil || function.vfSettings != nil),
                    settings: slot.settings,
                    original: OriginalState(
                        driver: function.driver, driverOverride: function.driverOverride,
                        settings: function.vfSettings),
                    companionOf: slot.companionOf.flatMap { first in
                        zip(slots, names).first { $0.0.function.address == first }?.1
                    }, card: slot.card))
        }
        return assignments
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
            guard let first = slot.companionOf else { return names[address] ?? id }
            return slot.name ?? "\((names[first] ?? id).prefix(36))-f\(address.function)"
        }
    }
}

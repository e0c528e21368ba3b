// SPDX-License-Identifier: GPL-3.0-or-later

extension Holdings {
    /// Why a guest must not start with a function that its XML names; nil if it may. Who put the function there does not matter.
    ///
    /// Without this, libvirt would take a function that is prepared for another owner: a claimed one is on VFIO and open to
    /// nobody until its owner starts.
    ///
    /// - Parameters:
    ///   - owner: of the guest; nil for a guest that cannot have claims.
    ///   - host: for the function's group, PF and VFs.
    public func startObstacle(to address: PCIAddress, for owner: Owner?, on host: HostSnapshot) -> Refusal? {
        let function = host[address]
        let physical = function?.virtualFunction?.physicalFunction
        let own = claims[address].flatMap { $0.owner == owner ? $0 : nil }
        // A claim can stand while its PF is in quarantine.
        for suspect in [address, own == nil ? physical : nil].compactMap(\.self) {
            if let reason = quarantine[suspect] {
                let claim = CardDoubt.isReason(reason) ? own?.id : nil
                return .function(suspect, .quarantined(reason: reason, claim: claim))
            }
        }
        // The owner of one function of a group owns the group. A PF and its VFs exclude each other.
        var related = [address]
        if let group = function?.iommuGroup.flatMap(host.group), !group.isNoIOMMU { related += group.functions }
        related += function?.sriov?.virtualFunctions ?? []
        if let physical { related.append(physical) }
        for other in related {
            if let claim = claims[other], claim.owner != owner {
                return .function(other, .heldByClaim(claim: claim.id, owner: claim.ownerName))
            }
        }
        return nil
    }
}

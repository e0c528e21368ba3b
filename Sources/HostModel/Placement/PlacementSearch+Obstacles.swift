// SPDX-License-Identifier: GPL-3.0-or-later

extension PlacementSearch {
    /// The first reason why a function cannot be claimed; nil if it can.
    func obstacle(to function: Function) -> Refusal? {
        let address = function.address
        // What no release changes comes first: a request must not wait for it.
        guard let groupID = function.iommuGroup, let group = host.group(groupID), !group.isNoIOMMU else {
            return .function(address, .notIsolated)
        }
        if let inability = inability(of: function) { return .function(address, inability) }
        // If a PF is in quarantine, none of its VFs is available.
        for suspect in [address, function.virtualFunction?.physicalFunction].compactMap(\.self) {
            if let reason = holdings.quarantine[suspect] { return .function(suspect, .quarantined(reason: reason)) }
        }
        if let claim = holdings.claims[address] {
            return .function(address, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        // The owner of one function of a group owns the group.
        let groupOwner = group.functions.lazy.compactMap { holdings.claims[$0] }.first
        if let claim = groupOwner, claim.owner != request.owner {
            return .function(address, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        if groupOwner == nil, let holder = holdings.openGroups[groupID] {
            return .function(address, .heldByProcess(holder))
        }
        if let use = use(of: function) { return use }
        var going: Set<PCIAddress> = [address]
        for companion in host.companions(of: function) where holdings.claims[companion.address] == nil {
            if let reason = holdings.quarantine[companion.address] {
                return .function(companion.address, .quarantined(reason: reason))
            }
            if let use = use(of: companion) { return use }
            going.insert(companion.address)
        }
        let blockers = host.blockers(of: group)
        guard blockers.allSatisfy({ going.contains($0.address) }) else {
            return .function(
                address, .groupNotViable(group: groupID, blockers: blockers, place: function.virtualFunction))
        }
        return nil
    }

    /// The property that rules the function out for this request even when nobody uses it; nil if there is none.
    private func inability(of function: Function) -> FunctionObstacle? {
        if !request.settings.isEmpty, !function.takesVFSettings { return .settingsNeedVirtualFunction }
        if let pf = function.virtualFunction?.physicalFunction, function.takesVFSettings, function.vfSettings == nil,
            !request.settings.filled(from: request.pool.defaults).isEmpty
        {
            return .settingsNotEnforced(physicalFunction: pf, driver: host[pf]?.driver)
        }
        // Source: `vfio_pci_validate_vf_token`, drivers/vfio/pci/vfio_pci_core.c. libvirt has no element for the token.
        if let physical = function.virtualFunction.flatMap({ host[$0.physicalFunction] }), physical.isOnVFIO,
            holdings.claims[physical.address] == nil
        {
            return .needsVFToken(physicalFunction: physical.address, driver: physical.driver ?? VFIO.genericDriver)
        }
        if !function.isOnVFIO, host.vfioDenies(function.identity) {
            return .deniedByVFIO(ids: function.identity.ids)
        }
        return nil
    }

    /// A use of the function by others than the request's owner that neither its own claim nor its group shows.
    private func use(of function: Function) -> Refusal? {
        let address = function.address
        if let domain = holdings.foreign[address], .domain(uuid: domain.uuid) != request.owner {
            return .function(address, .heldByDomain(domain: domain.name))
        }
        if holdings.named.contains(address) {
            return .function(address, .heldByDomain(domain: request.ownerName))
        }
        if holdings.awaited.keeps(address, in: request.pool) { return .function(address, .awaited) }
        // A PF and its VFs exclude each other.
        if let sriov = function.sriov, sriov.vfCount > 0 {
            return .function(address, .cutIntoVFs(count: sriov.vfCount))
        }
        if let physical = function.virtualFunction?.physicalFunction, let claim = holdings.claims[physical] {
            return .function(physical, .heldByClaim(claim: claim.id, owner: claim.ownerName))
        }
        if let use = holdings.hostUse(of: function) { return use }
        if let interface = function.interfaces.first(where: { $0.isAdministrativelyUp || $0.master != nil }) {
            return .function(address, .usedByHost(interface: interface.name, master: interface.master))
        }
        return nil
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later

extension ClaimRequest {
    /// The settings that the PF enforces for a function of the claim.
    ///
    /// The request comes first, then the pool's defaults, then the MAC address and VLAN that the VF has now. libvirt sets
    /// both when a guest starts, and removes those that the domain does not name. A VF without a MAC address gets its
    /// stable one.
    ///
    /// - Parameters:
    ///   - function: as it was found, before the claim changes it.
    ///   - host: the VF's host. Without a machine id there is no stable address.
    public func settings(for function: Function, on host: HostIdentity) -> VFSettings {
        guard function.takesVFSettings, let virtual = function.virtualFunction else { return settings }
        var chosen = settings.filled(from: pool.defaults)
        // A PF that reports no settings of its VFs accepts none either.
        guard let present = function.vfSettings else { return chosen }
        if chosen.vlan == nil, case .tag(let tag)? = present.vlan { chosen.vlan = .tag(tag) }
        if chosen.mac == nil, let mac = present.mac {
            chosen.mac = mac.isZero ? host.machineID.flatMap { .stable(for: virtual, machineID: $0) } : mac
        }
        return chosen
    }
}

extension Assignment {
    /// The assignment with the VF's stable MAC address in its original state, for a PF that refuses to remove a MAC
    /// address.
    ///
    /// nil if this changes nothing.
    public func leavingStableMAC(on host: HostIdentity) -> Assignment? {
        guard settings.mac != nil, original.settings?.mac?.isZero == true, let virtualFunction,
            let mac = host.machineID.flatMap({ MACAddress.stable(for: virtualFunction, machineID: $0) })
        else { return nil }
        var left = original
        left.settings?.mac = mac
        return Assignment(
            name: name, address: address, virtualFunction: virtualFunction, iommuGroup: iommuGroup, numaNode: numaNode,
            isNetwork: isNetwork, settings: settings, original: left, companionOf: companionOf)
    }
}
